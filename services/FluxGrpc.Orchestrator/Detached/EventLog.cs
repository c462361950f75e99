using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Detached;

/// <summary>
/// The events of a generation, for any number of readers, each of which gets all of them from the first on. Places in the queue
/// are kept only until the next event.
/// </summary>
internal sealed class EventLog
{
    private readonly Lock _lock = new();
    private readonly List<GenerateResponse> _events = [];
    private GenerateResponse? _place;
    private ExceptionDispatchInfo? _failure;
    private bool _ended;
    private TaskCompletionSource _news = NewSignal();

    /// <summary>Bytes of the events that are kept.</summary>
    public long Bytes { get; private set; }

    /// <summary>True where it ended with a failure.</summary>
    public bool HasFailed => _failure is not null;

    /// <summary>Adds an event; nobody may change it afterwards.</summary>
    public void Add(GenerateResponse happened)
    {
        lock (_lock)
        {
            if (happened.EventCase == GenerateResponse.EventOneofCase.Queued)
            {
                _place = happened;
            }
            else
            {
                _place = null;
                _events.Add(happened);
                Bytes += happened.CalculateSize();
            }

            WakeReaders();
        }
    }

    /// <summary>No more events come.</summary>
    /// <param name="failure">What the readers get after the last event; null for a good end.</param>
    public void End(Exception? failure)
    {
        lock (_lock)
        {
            _failure = failure is null ? null : ExceptionDispatchInfo.Capture(failure);
            _place = null;
            _ended = true;
            WakeReaders();
        }
    }

    /// <summary>Reads all events so far, then the rest as they come.</summary>
    /// <exception cref="Exception">The failure that the log ended with.</exception>
    /// <exception cref="OperationCanceledException">The reader is gone.</exception>
    public async IAsyncEnumerable<GenerateResponse> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var position = 0;
        GenerateResponse? toldPlace = null;
        while (true)
        {
            var (happened, news) = Next(ref position, ref toldPlace);
            if (happened is not null)
                yield return happened;
            else if (news is not null)
                await news.WaitAsync(cancellation);
            else
                break;
        }

        _failure?.Throw();
    }

    /// <returns>The next event; or, where there is none yet, what completes when there is news; or neither, at the end.</returns>
    private (GenerateResponse? Happened, Task? News) Next(ref int position, ref GenerateResponse? toldPlace)
    {
        lock (_lock)
        {
            if (position < _events.Count)
                return (_events[position++], null);
            if (_place is not null && _place != toldPlace)
                return (toldPlace = _place, null);
            return (null, _ended ? null : _news.Task);
        }
    }

    private void WakeReaders()
    {
        _news.SetResult();
        _news = NewSignal();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
