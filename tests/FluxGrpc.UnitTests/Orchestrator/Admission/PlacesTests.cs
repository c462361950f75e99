using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.V1;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Admission;

/// <summary>What those who wait are told of their place.</summary>
public sealed class PlacesTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private readonly FakeTimeProvider _time = new();
    private readonly WorkQueue _queue;

    public PlacesTests()
    {
        _queue = new WorkQueue(new QueueLimits(1, long.MaxValue, _patience), _time);
        _time.Advance(TimeSpan.FromSeconds(1));
    }

    public void Dispose() => _queue.Dispose();

    [Fact]
    public async Task A_request_is_told_its_place_whenever_it_changes_until_its_turn_comes()
    {
        var running = _queue.Enter(Priority.Interactive, 100);
        var next = _queue.Enter(Priority.Interactive, 30);
        Settle();
        await using var places = _queue.Enter(Priority.Interactive, 7).WaitForTurnAsync(default).GetAsyncEnumerator();
        Settle();

        Assert.Equal((1, 130L), await NextAsync(places));
        running.Done(60);
        running.Dispose();
        Settle();
        Assert.Equal((0, 30L), await NextAsync(places));
        next.Dispose();
        Assert.False(await places.MoveNextAsync());
    }

    [Fact]
    public async Task A_request_that_need_not_wait_is_told_nothing()
    {
        var turn = _queue.Enter(Priority.Batch, 100);

        await foreach (var place in turn.WaitForTurnAsync(default))
            Assert.Fail($"{place}");
    }

    [Fact]
    public async Task A_request_that_pauses_is_told_its_place_again()
    {
        var batch = _queue.Enter(Priority.Batch, 100);
        var interactive = _queue.Enter(Priority.Interactive, 50);
        Settle();
        await using var places = batch.WaitForTurnAsync(default).GetAsyncEnumerator();
        Settle();

        Assert.Equal((0, 50L), await NextAsync(places));
        interactive.Dispose();
        Assert.False(await places.MoveNextAsync());
    }

    [Fact]
    public async Task Cancelling_ends_the_wait()
    {
        using var cancellation = new CancellationTokenSource();
        _queue.Enter(Priority.Interactive, 100);
        var places = _queue.Enter(Priority.Interactive, 100).WaitForTurnAsync(cancellation.Token).GetAsyncEnumerator(cancellation.Token);
        Settle();
        await places.MoveNextAsync();
        var waiting = places.MoveNextAsync();

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
    }

    [Fact]
    public async Task A_thousand_that_wait_are_served_in_order_and_told_at_most_a_thousand_places_a_second()
    {
        const int Count = 1000;
        var timePerRequest = TimeSpan.FromMilliseconds(10);
        var running = _queue.Enter(Priority.Interactive, 1);
        var turns = Enumerable.Range(0, Count).Select(_ => _queue.Enter(Priority.Interactive, 1)).ToArray();
        var told = 0;
        var order = new List<int>();
        var waits = turns.Select((turn, i) => WaitAsync(i, turn)).ToArray();

        for (var i = 0; i < Count; i++)
        {
            _time.Advance(timePerRequest);
            running.Dispose();
            running = turns[i];
            await waits[i];
        }

        Assert.Equal(Enumerable.Range(0, Count), order);
        // Told one by one they would be told 1000 · 999 / 2 places.
        Assert.InRange(Volatile.Read(ref told), Count, (int)(1.1 * Count * Count * timePerRequest.TotalSeconds));

        async Task WaitAsync(int index, Turn turn)
        {
            await foreach (var _ in turn.WaitForTurnAsync(default))
                Interlocked.Increment(ref told);
            order.Add(index);
        }
    }

    private void Settle() => _time.Advance(TimeSpan.FromSeconds(1));

    private static async Task<(int Ahead, long WorkAhead)> NextAsync(IAsyncEnumerator<GenerationQueued> places)
    {
        Assert.True(await places.MoveNextAsync());
        return (places.Current.Ahead, places.Current.WorkAhead);
    }
}
