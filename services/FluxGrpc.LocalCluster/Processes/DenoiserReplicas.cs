namespace FluxGrpc.LocalCluster.Processes;

/// <summary>The denoisers of a cluster: as many as were asked for last.</summary>
/// <param name="create">Makes number i, from 0, not started.</param>
/// <param name="list">Where the orchestrator finds them; holds those that have served and were not told to stop.</param>
internal sealed class DenoiserReplicas(Func<int, SupervisedService> create, DenoiserList list) : IAsyncDisposable
{
    /// <summary>Time that one gets to hand its images on. It ends by itself before that.</summary>
    private static readonly TimeSpan _drainPatience = TimeSpan.FromSeconds(DrainSeconds + 10);

    /// <summary>Seconds that a denoiser gets to end the steps in hand before it cuts its sessions off.</summary>
    public const int DrainSeconds = 30;

    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _lock = new();
    private readonly SortedDictionary<int, SupervisedService> _replicas = [];
    private readonly SortedSet<int> _listed = [];

    /// <summary>All of them, in the order of their numbers.</summary>
    public IReadOnlyList<SupervisedService> Services
    {
        get
        {
            lock (_lock)
                return [.. _replicas.Values];
        }
    }

    /// <summary>
    /// Starts or stops denoisers until there are <paramref name="count"/>: those with the lowest free numbers, or those with the
    /// highest ones. Completes when the new ones serve, or the old ones have ended; takes its turn after earlier calls.
    /// </summary>
    /// <param name="count">How many there shall be.</param>
    /// <param name="changed">Called, by several threads, when one has another state.</param>
    /// <param name="cancellation">Gives up; denoisers that were being added are removed again, those that drain are killed.</param>
    /// <exception cref="IOException">A new one ended before it served; all that were added are removed again.</exception>
    public async Task ScaleAsync(int count, Action<SupervisedService> changed, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            var surplus = Numbers().Skip(count).ToList();
            if (surplus.Count > 0)
                await RemoveAsync(surplus, changed, cancellation);
            else
                await AddAsync(count - Numbers().Count, changed, cancellation);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Stops all.</summary>
    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync(); // Whoever scales was told to give up.
        await Task.WhenAll(Services.Select(replica => replica.DisposeAsync().AsTask()));
        _turn.Dispose();
    }

    private async Task AddAsync(int count, Action<SupervisedService> changed, CancellationToken cancellation)
    {
        using var abandon = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var added = Enumerable.Range(0, int.MaxValue).Except(Numbers()).Take(count).ToList();
        var starts = added.Select(number => JoinAsync(number, changed, abandon.Token)).ToList();
        try
        {
            await foreach (var start in Task.WhenEach(starts))
                await start; // The first failure ends it; the others may load for minutes yet.
        }
        catch
        {
            await abandon.CancelAsync();
            await Task.WhenAll(starts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await RemoveAsync(added, changed, cancellation);
            throw;
        }
    }

    private async Task JoinAsync(int number, Action<SupervisedService> changed, CancellationToken cancellation)
    {
        var replica = create(number);
        lock (_lock)
            _replicas.Add(number, replica);
        changed(replica);
        await replica.StartAsync(cancellation);
        lock (_lock)
        {
            _listed.Add(number);
            WriteList();
        }

        changed(replica);
    }

    private async Task RemoveAsync(List<int> numbers, Action<SupervisedService> changed, CancellationToken cancellation)
    {
        List<SupervisedService> leaving;
        lock (_lock)
        {
            leaving = [.. numbers.Select(number => _replicas[number])];
            _listed.ExceptWith(numbers);
            WriteList();
        }

        await Task.WhenAll(leaving.Select(async replica =>
        {
            var end = replica.StopAsync(_drainPatience, cancellation);
            changed(replica);
            await end;
            changed(replica);
            await replica.DisposeAsync();
        }));
        lock (_lock)
            numbers.ForEach(number => _replicas.Remove(number));
    }

    private List<int> Numbers()
    {
        lock (_lock)
            return [.. _replicas.Keys];
    }

    /// <summary>Under the lock, so that an older list never replaces a newer one.</summary>
    private void WriteList() => list.Write(_listed.Select(number => _replicas[number].Address));
}
