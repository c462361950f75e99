using FluxGrpc.V1;

namespace FluxGrpc.Denoiser.Batching;

/// <summary>
/// The steps that wait, and which of them run together next. The oldest leads, of interactive priority before batch
/// (<see cref="PriorityTurns"/>); steps that can run with it fill the pass, oldest first. A free device waits a moment for steps
/// that would come along, and before a step of batch priority for interactive ones, where they are expected. Only the scheduler's
/// task uses it.
/// </summary>
/// <remarks>
/// A step of interactive priority takes none of batch priority along: a pass of two takes a large device twice as long.
/// </remarks>
/// <param name="limits">How large a pass may be, and how long it may wait.</param>
internal sealed class StepQueue(Func<BatchLimits> limits)
{
    private readonly PriorityTurns _turns = new();
    private readonly HashSet<BatchMember> _members = [];
    private readonly List<ScheduledStep> _waiting = []; // Oldest first; at most one a session.
    private TimeSpan _freeSince;
    private long _entries;

    /// <summary>Steps that wait.</summary>
    public int Count => _waiting.Count;

    /// <summary>A session opens; its first step is expected.</summary>
    public void Enter(BatchMember member, TimeSpan now)
    {
        member.Number = _entries++;
        member.ExpectedSince = now;
        _members.Add(member);
    }

    /// <summary>A session ends.</summary>
    public void Leave(BatchMember member) => _members.Remove(member);

    /// <summary>A step comes.</summary>
    public void Add(ScheduledStep step)
    {
        step.Member.ExpectedSince = null;
        _waiting.Add(step);
    }

    /// <summary>Takes a step back.</summary>
    /// <returns>False where it does not wait any more.</returns>
    public bool Remove(ScheduledStep step) => _waiting.Remove(step);

    /// <summary>Takes all waiting steps back.</summary>
    public IReadOnlyList<ScheduledStep> RemoveAll()
    {
        var steps = _waiting.ToArray();
        _waiting.Clear();
        return steps;
    }

    /// <summary>A pass has ended; the next step of each session in it is expected where there is one.</summary>
    public void Answered(IReadOnlyList<ScheduledStep> steps, TimeSpan now)
    {
        _freeSince = now;
        foreach (var step in steps)
            step.Member.ExpectedSince = step.Step.IsLast ? null : now;
    }

    /// <summary>Chooses the next pass for a device that is free, and takes its steps out of the queue.</summary>
    /// <param name="now">Time on the scheduler's clock.</param>
    public BatchChoice Choose(TimeSpan now)
    {
        if (_waiting.Count == 0)
            return BatchChoice.Nothing;

        var lead = Lead();
        var most = limits().SizeFor(lead.Member.Key);
        List<ScheduledStep> steps = [lead];
        steps.AddRange(_waiting.Where(step => step != lead && RidesAlong(lead, step.Member)).Take(most - 1));

        var hasRoom = steps.Count < most && steps.Count == _waiting.Count; // Where others wait the device is not kept idle.
        if (WorthWaitingUntil(lead.ArrivedAt, member => (hasRoom && RidesAlong(lead, member)) || GoesBefore(lead, member)) is { } until
            && until > now)
        {
            return new BatchChoice([], until);
        }

        var batchWaits = _waiting.Exists(step => step.Member.Priority == Priority.Batch);
        _turns.Count(lead.Member.Priority, batchWaits);
        _waiting.RemoveAll(steps.Contains);
        steps.Sort((one, other) => one.Member.Number.CompareTo(other.Member.Number)); // The same sessions, the same order.
        return new BatchChoice(steps, null);
    }

    private ScheduledStep Lead()
    {
        var interactive = _waiting.Find(step => step.Member.Priority == Priority.Interactive);
        var batch = _waiting.Find(step => step.Member.Priority == Priority.Batch);
        return _turns.Next(interactive is not null, batch is not null) == Priority.Interactive ? interactive! : batch!;
    }

    private static bool RidesAlong(ScheduledStep lead, BatchMember other) =>
        other.Key == lead.Member.Key && (other.Priority == Priority.Interactive || lead.Member.Priority == Priority.Batch);

    private bool GoesBefore(ScheduledStep lead, BatchMember other) =>
        lead.Member.Priority == Priority.Batch && other.Priority == Priority.Interactive && !_turns.BatchIsDue;

    /// <summary>
    /// Until when it is worth waiting for the steps of some sessions: their callers were answered, or opened, just now. A caller
    /// who is slower than that costs nobody anything. Null where there is nobody to wait for.
    /// </summary>
    private TimeSpan? WorthWaitingUntil(TimeSpan arrivedAt, Func<BatchMember, bool> awaited)
    {
        var latest = _members.Where(awaited).Max(member => member.ExpectedSince);
        if (latest is null)
            return null;
        var waitingSince = arrivedAt > _freeSince ? arrivedAt : _freeSince;
        return (latest < waitingSince ? latest : waitingSince) + limits().Wait;
    }
}
