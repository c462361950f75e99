using FluxGrpc.Channels;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// The replicas of one kind of service: who is there, who has how much to do, and who gets the next piece. Replicas come and go
/// with the list of addresses; one that is no longer listed finishes what it has.
/// </summary>
internal sealed class ReplicaSet : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly ServiceKind _kind;
    private readonly ChannelSecurity _security;
    private readonly TimeProvider _time;
    private readonly HashSet<Replica> _retired = [];
    private List<Replica> _replicas = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _disposals = Task.CompletedTask;
    private ReplicaModel? _model;
    private long _choices;
    private bool _isListed;
    private bool _isDisposed;

    /// <param name="kind">What they are.</param>
    /// <param name="security">Whom to trust there and what to show.</param>
    /// <param name="time">The clock of everything that waits.</param>
    public ReplicaSet(ServiceKind kind, ChannelSecurity security, TimeProvider time)
    {
        _kind = kind;
        _security = security;
        _time = time;
    }

    /// <summary>The listed replicas.</summary>
    public IReadOnlyList<Replica> Replicas
    {
        get
        {
            lock (_lock)
                return [.. _replicas];
        }
    }

    /// <summary>The model that most of the serving replicas have, or null where none serves. The others are not used.</summary>
    public ReplicaModel? Model
    {
        get
        {
            lock (_lock)
                return _model;
        }
    }

    /// <summary>Completes at the next news: a replica became usable or stopped being so.</summary>
    public Task Changed
    {
        get
        {
            lock (_lock)
                return _changed.Task;
        }
    }

    /// <summary>False until the list and every replica on it have told something.</summary>
    public bool HasReported
    {
        get
        {
            lock (_lock)
                return _isListed && _replicas.All(replica => replica.HasReported);
        }
    }

    /// <summary>What keeps each replica that is not used from it: for people.</summary>
    public string Problems()
    {
        var problems = Replicas.Select(ProblemOf).Where(problem => problem is not null).Distinct().ToList();
        return problems.Count > 0 ? string.Join(", ", problems) : "no address of it is known";
    }

    /// <summary>What keeps a replica from being used, or null.</summary>
    public string? ProblemOf(Replica replica) =>
        replica.Problem ?? (replica.Model is { } own && Model is { } model && own.Fingerprint != model.Fingerprint
            ? $"another model: {own.Fingerprint} instead of {model.Fingerprint}"
            : null);

    /// <summary>Takes a new list of addresses: keeps the replicas that are still on it, adds and retires the others.</summary>
    public void SetAddresses(IReadOnlyList<ServiceAddress> addresses)
    {
        lock (_lock)
        {
            if (_isDisposed)
                return;
            var known = _replicas.ToDictionary(replica => replica.Address);
            _replicas = [.. addresses.Select(address =>
                known.Remove(address, out var replica) ? replica : new Replica(_kind, address, _security, Signal, _time))];
            foreach (var replica in known.Values)
            {
                replica.IsRetired = true;
                _retired.Add(replica);
                DropIfUnused(replica);
            }

            _isListed = true;
        }

        Signal();
    }

    /// <summary>Tells that the list could not be had; the replicas stay as they are.</summary>
    public void NoteMissingList()
    {
        lock (_lock)
            _isListed = true;
        Signal();
    }

    /// <summary>Gives a piece of work to the replica that has least to do, and waits where none can take it.</summary>
    /// <param name="fingerprint">The model that it needs.</param>
    /// <param name="work">Its size.</param>
    /// <param name="attempts">How long to wait, and whom to avoid while there are others.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="NoReplicaException">None came in time.</exception>
    public async Task<ReplicaLease> AcquireAsync(
        string fingerprint, long work, WorkAttempts attempts, CancellationToken cancellation)
    {
        while (true)
        {
            Task changed;
            TimeSpan chance;
            lock (_lock)
            {
                chance = NextChance(); // Before the choice: what may be tried by now is chosen.
                if ((Choose(fingerprint, attempts.Avoid) ?? Choose(fingerprint, not: null)) is { } replica)
                    return Lend(replica, work);
                changed = _changed.Task;
            }

            var left = attempts.TimeLeft;
            if (left <= TimeSpan.Zero)
                throw new NoReplicaException(Problems(), isFull: Replicas.Any(replica => replica.Serves(fingerprint)));
            try
            {
                await changed.WaitAsync(Shortest(left, chance, Patience.Longest), _time, cancellation);
            }
            catch (TimeoutException)
            {
                // Looked at again.
            }
        }
    }

    /// <summary>
    /// Gives the rest of a session's work to another replica, where one is there and the move is called for: see
    /// <see cref="Rebalancing.IsWorthwhile"/>. The old lease stays, without work.
    /// </summary>
    /// <param name="lease">The session's lease.</param>
    /// <param name="fingerprint">The model that it needs.</param>
    /// <param name="step">Work of one step.</param>
    /// <param name="isForced">True where any other replica is better than the one it has.</param>
    public ReplicaLease? TryMove(ReplicaLease lease, string fingerprint, long step, bool isForced)
    {
        lock (_lock)
        {
            var here = lease.Replica;
            if (Choose(fingerprint, here) is not { } there)
                return null;
            if (!isForced && !Rebalancing.IsWorthwhile(here.Outstanding, there.Outstanding, lease.Work, step))
                return null;
            var moved = Lend(there, lease.Work);
            Settle(lease, lease.Work);
            Count(lease, false);
            return moved;
        }
    }

    /// <summary>Undoes <see cref="TryMove"/>.</summary>
    /// <param name="moved">The new lease, which is given back.</param>
    /// <param name="lease">The old one.</param>
    public void UndoMove(ReplicaLease moved, ReplicaLease lease)
    {
        lock (_lock)
        {
            lease.Work = moved.Work;
            lease.Replica.Outstanding += moved.Work;
            Count(lease, true);
        }

        Return(moved);
    }

    /// <summary>For <see cref="ReplicaLease"/>: part of its work is done.</summary>
    public void Finish(ReplicaLease lease, long work)
    {
        lock (_lock)
            Settle(lease, Math.Min(work, lease.Work));
    }

    /// <summary>For <see cref="ReplicaLease"/>: the replica is no longer needed for it.</summary>
    public void Return(ReplicaLease lease)
    {
        lock (_lock)
        {
            if (lease.IsReturned)
                return;
            lease.IsReturned = true;
            Settle(lease, lease.Work);
            Count(lease, false);
            lease.Replica.Users--;
            DropIfUnused(lease.Replica);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        List<Replica> all;
        lock (_lock)
        {
            _isDisposed = true;
            all = [.. _replicas, .. _retired];
            (_replicas, _model) = ([], null);
            _retired.Clear();
        }

        foreach (var replica in all)
            await replica.DisposeAsync();
        await _disposals;
    }

    private Replica? Choose(string fingerprint, Replica? not) =>
        LeastWork.Choose(_replicas.Where(replica => replica != not && replica.CanServe(fingerprint)));

    private ReplicaLease Lend(Replica replica, long work)
    {
        replica.LastChoice = ++_choices;
        replica.Outstanding += work;
        replica.Pieces++;
        replica.Users++;
        return new ReplicaLease(this, replica) { Work = work };
    }

    private static void Settle(ReplicaLease lease, long work)
    {
        lease.Work -= work;
        lease.Replica.Outstanding -= work;
    }

    private static void Count(ReplicaLease lease, bool isCounted)
    {
        if (lease.IsCounted != isCounted)
            lease.Replica.Pieces += isCounted ? 1 : -1;
        lease.IsCounted = isCounted;
    }

    private void DropIfUnused(Replica replica)
    {
        if (replica.Users == 0 && _retired.Remove(replica))
            _disposals = Task.WhenAll(_disposals, replica.DisposeAsync().AsTask());
    }

    /// <summary>Time until a replica that asked for a pause, or whose circuit is open, may be tried again.</summary>
    private TimeSpan NextChance() => _replicas
        .SelectMany(replica => new[] { replica.PauseLeft, replica.Circuit.TimeLeft })
        .Where(left => left > TimeSpan.Zero)
        .DefaultIfEmpty(TimeSpan.MaxValue)
        .Min();

    private static TimeSpan Shortest(params ReadOnlySpan<TimeSpan> times)
    {
        var shortest = times[0];
        foreach (var time in times)
            shortest = time < shortest ? time : shortest;
        return shortest;
    }

    private void Signal()
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _model = MostCommonModel();
            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.TrySetResult();
    }

    /// <summary>Among equally common ones the one that was used so far, then the first listed.</summary>
    private ReplicaModel? MostCommonModel() => _replicas
        .Select(replica => replica.Model)
        .OfType<ReplicaModel>()
        .GroupBy(model => model.Fingerprint)
        .OrderByDescending(group => group.Count())
        .ThenByDescending(group => group.Key == _model?.Fingerprint)
        .FirstOrDefault()?.First();
}
