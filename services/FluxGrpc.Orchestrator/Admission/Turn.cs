using System.Runtime.CompilerServices;

using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Admission;

/// <summary>
/// A request's turn in the <see cref="WorkQueue"/>, from its arrival until it is disposed. Several of its images may wait for it.
/// </summary>
internal sealed class Turn : IStepGate, IDisposable
{
    private readonly WorkQueue _queue;
    private TaskCompletionSource _news = NewSignal();
    private GenerationQueued? _untold;
    private volatile bool _mustPause;

    /// <param name="queue">The queue; it alone changes the properties below, under its lock.</param>
    /// <param name="number">Place in the order of arrival.</param>
    /// <param name="priority">Interactive or batch.</param>
    /// <param name="work">Steps times tokens to do.</param>
    public Turn(WorkQueue queue, long number, Priority priority, long work)
    {
        _queue = queue;
        Number = number;
        IsBatch = priority == Priority.Batch;
        WorkLeft = work;
    }

    /// <summary>Place in the order of arrival.</summary>
    public long Number { get; }

    /// <summary>True for batch work.</summary>
    public bool IsBatch { get; }

    /// <summary>Steps times tokens still to do.</summary>
    public long WorkLeft { get; set; }

    /// <summary>Where it stands.</summary>
    public TurnState State { get; set; }

    /// <summary>When the wait began; while it waits.</summary>
    public long WaitingSince { get; set; }

    /// <summary>Time spent waiting so far, the wait in hand not counted.</summary>
    public TimeSpan Waited { get; set; }

    /// <summary>Its latest place in the queue; null before the first. Changed by <see cref="Tell"/>.</summary>
    public GenerationQueued? Place { get; private set; }

    /// <summary>Completes at the next news: a new place, or the turn itself.</summary>
    public Task News => _news.Task;

    /// <inheritdoc/>
    public bool MustPause
    {
        get => _mustPause;
        set => _mustPause = value;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<GenerationQueued> WaitForTurnAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        _queue.GiveWayIfAsked(this);
        using var span = State == TurnState.Waiting ? OrchestratorActivity.Source.StartActivity("queued") : null;
        while (_queue.IsWaiting(this, out var place, out var news))
        {
            if (place is not null)
                yield return place;
            else
                await news.WaitAsync(cancellation);
        }
    }

    /// <summary>For the queue, under its lock: a place to tell; null where it has its turn.</summary>
    public void Tell(GenerationQueued? place)
    {
        Place = _untold = place;
        _news.SetResult();
        _news = NewSignal();
    }

    /// <summary>For the queue, under its lock: the place, once.</summary>
    public GenerationQueued? TakePlace()
    {
        var place = _untold;
        _untold = null;
        return place;
    }

    /// <summary>Takes note of work that was done.</summary>
    /// <param name="work">Tokens of a step.</param>
    public void Done(long work) => _queue.Done(this, work);

    /// <summary>Gives the place to others.</summary>
    public void Dispose() => _queue.Leave(this);

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
