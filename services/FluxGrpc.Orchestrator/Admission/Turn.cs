using System.Runtime.CompilerServices;
using System.Threading.Channels;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Admission;

/// <summary>A request's turn in the <see cref="WorkQueue"/>, from its arrival until it is disposed.</summary>
internal sealed class Turn : IStepGate, IDisposable
{
    private readonly WorkQueue _queue;

    // Holds at most one signal: news that came together are looked at together.
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

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

    /// <summary>Place in the queue as it was last told; null before.</summary>
    public GenerationQueued? Place { get; set; }

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
        GenerationQueued? told = null;
        while (_queue.IsWaiting(this, out var place))
        {
            if (place is not null && place != told)
                yield return told = place;
            else
                await _news.Reader.ReadAsync(cancellation);
        }
    }

    /// <summary>Takes note of work that was done.</summary>
    /// <param name="work">Tokens of a step.</param>
    public void Done(long work) => _queue.Done(this, work);

    /// <summary>Wakes <see cref="WaitForTurnAsync"/>.</summary>
    public void Signal() => _news.Writer.TryWrite(true);

    /// <summary>Gives the place to others.</summary>
    public void Dispose() => _queue.Leave(this);
}
