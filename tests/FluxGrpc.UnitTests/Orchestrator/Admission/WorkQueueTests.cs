using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Admission;

/// <summary>Who runs, who waits, who is refused.</summary>
public sealed class WorkQueueTests : IDisposable
{
    private const long Work = 100;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private readonly FakeTimeProvider _time = new();
    private WorkQueue _queue;

    public WorkQueueTests() => _queue = NewQueue(running: 1, queuedWork: 1_000_000);

    public void Dispose() => _queue.Dispose();

    [Fact]
    public void Requests_run_in_the_order_of_arrival()
    {
        var turns = Enter(Priority.Interactive, 4);

        foreach (var turn in turns)
        {
            Assert.Same(turn, Assert.Single(turns, Runs));
            turn.Dispose();
        }

        Assert.Equal((0, 0, 0L), _queue.Load);
    }

    [Fact]
    public void As_many_run_at_once_as_there_are_places()
    {
        _queue = NewQueue(running: 3, queuedWork: 1_000_000);

        var turns = Enter(Priority.Interactive, 5);

        Assert.Equal([true, true, true, false, false], turns.Select(Runs));
        Assert.Equal((3, 2, 2 * Work), _queue.Load);
    }

    [Fact]
    public void Interactive_requests_pass_batch_ones_that_wait()
    {
        var running = _queue.Enter(Priority.Interactive, Work);
        var batch = _queue.Enter(Priority.Batch, Work);
        var interactive = _queue.Enter(Priority.Interactive, Work);

        running.Dispose();

        Assert.Equal((true, false), (Runs(interactive), Runs(batch)));
    }

    [Fact]
    public void What_a_paused_request_still_does_no_longer_waits()
    {
        var batch = _queue.Enter(Priority.Batch, Work);
        using var interactive = _queue.Enter(Priority.Interactive, Work);
        _queue.GiveWayIfAsked(batch); // One of its images; another one is at a step.
        _queue.GiveWayIfAsked(batch);
        Assert.Equal((1, 1, Work), _queue.Load);

        batch.Done(30);

        Assert.True(batch.MustPause);
        Assert.Equal((1, 1, Work - 30), _queue.Load);
        interactive.Dispose();
        Assert.True(Runs(batch));
        Assert.False(batch.MustPause);
        batch.Dispose();
        Assert.Equal((0, 0, 0L), _queue.Load);
    }

    [Fact]
    public void One_that_leaves_the_queue_frees_its_place_in_it()
    {
        var running = _queue.Enter(Priority.Interactive, Work);
        var (gone, next) = (_queue.Enter(Priority.Interactive, Work), _queue.Enter(Priority.Interactive, Work));

        gone.Dispose();
        running.Dispose();

        Assert.True(Runs(next));
        Assert.Equal((1, 0, 0L), _queue.Load);
        gone.Dispose(); // Once more changes nothing.
        Assert.Equal(1, _queue.Load.Running);
    }

    [Fact]
    public void The_youngest_batch_request_pauses_for_an_interactive_one_and_goes_on_before_later_ones()
    {
        _queue = NewQueue(running: 2, queuedWork: 1_000_000);
        var (old, young, later) = (Batch(), Batch(), Batch());

        var interactive = _queue.Enter(Priority.Interactive, Work);

        Assert.Equal((false, true), (old.MustPause, young.MustPause));
        Assert.False(Runs(interactive)); // The step in hand is not broken off.
        _queue.GiveWayIfAsked(young);
        Assert.Equal((true, true, false, true), (Runs(old), Runs(interactive), Runs(young), young.MustPause)); // Its other images too.
        interactive.Dispose();
        Assert.Equal((true, false, false), (Runs(young), young.MustPause, Runs(later)));
    }

    [Fact]
    public void As_many_pause_as_interactive_ones_wait()
    {
        _queue = NewQueue(running: 3, queuedWork: 1_000_000);
        Turn[] batch = [Batch(), Batch(), Batch()];

        var interactive = Enter(Priority.Interactive, 2);
        Assert.Equal([false, true, true], batch.Select(turn => turn.MustPause));
        interactive[0].Dispose();

        Assert.Equal([false, false, true], batch.Select(turn => turn.MustPause));
        _queue.GiveWayIfAsked(batch[1]); // Its reason has gone meanwhile.
        Assert.True(Runs(batch[1]));
    }

    [Fact]
    public void A_place_that_frees_itself_takes_the_request_to_pause_back()
    {
        _queue = NewQueue(running: 2, queuedWork: 1_000_000);
        var (done, goesOn) = (Batch(), Batch());
        var interactive = _queue.Enter(Priority.Interactive, Work);
        Assert.True(goesOn.MustPause);

        done.Dispose();

        Assert.Equal((true, false), (Runs(interactive), goesOn.MustPause));
    }

    [Fact]
    public void Interactive_requests_do_not_pause_for_anybody()
    {
        var running = _queue.Enter(Priority.Interactive, Work);

        Enter(Priority.Interactive, 3);

        Assert.False(running.MustPause);
    }

    [Fact]
    public void Batch_requests_that_waited_for_long_get_every_eighth_place_and_keep_it()
    {
        var running = _queue.Enter(Priority.Interactive, Work);
        Turn[] batch = [Batch(), Batch()];
        var interactive = Enter(Priority.Interactive, 40);
        _time.Advance(_patience);

        var order = RunAll(running, [.. interactive, .. batch]);

        // The first of all places went to the one that is not in the order.
        Assert.Equal((WorkQueue.BatchShare - 2, 2 * WorkQueue.BatchShare - 2),
            (Array.IndexOf(order, batch[0]), Array.IndexOf(order, batch[1])));
    }

    [Fact]
    public void Batch_requests_have_no_share_before_they_have_waited_for_long()
    {
        var running = _queue.Enter(Priority.Interactive, Work);
        var batch = Batch();
        var interactive = Enter(Priority.Interactive, 40);
        _time.Advance(_patience - TimeSpan.FromTicks(1));

        var order = RunAll(running, [.. interactive, batch]);

        Assert.Same(batch, order[^1]);
    }

    [Fact]
    public void Work_beyond_the_bound_is_refused_with_the_time_until_there_is_room()
    {
        _queue = NewQueue(running: 1, queuedWork: 3 * Work);
        var running = _queue.Enter(Priority.Interactive, 1000);
        Enter(Priority.Interactive, 3);
        _time.Advance(TimeSpan.FromSeconds(10));
        running.Done(200); // 20 a second.

        var refused = Assert.Throws<RpcException>(() => _queue.Enter(Priority.Interactive, Work));

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Equal("The queue is full: 300 steps × tokens wait, the request has 100; allowed: 300", refused.Status.Detail);
        Assert.Equal(5, RetryDelay(refused).TotalSeconds); // 100 too much, 20 a second.
        Assert.Equal(3, _queue.Load.Waiting);
    }

    [Fact]
    public void A_request_that_never_fits_beside_others_is_told_when_all_of_them_are_done()
    {
        _queue = NewQueue(running: 1, queuedWork: 3 * Work);
        var running = _queue.Enter(Priority.Interactive, 1000);
        _queue.Enter(Priority.Interactive, 200);
        _time.Advance(TimeSpan.FromSeconds(1));
        running.Done(10);

        var refused = Assert.Throws<RpcException>(() => _queue.Enter(Priority.Interactive, 301));

        Assert.Equal(119, RetryDelay(refused).TotalSeconds); // 990 + 200 at 10 a second.
    }

    [Fact]
    public void Without_a_measurement_the_estimate_is_modest()
    {
        _queue = NewQueue(running: 1, queuedWork: 0);
        _queue.Enter(Priority.Interactive, Work);

        Assert.Equal(10, RetryDelay(Assert.Throws<RpcException>(() => Batch())).TotalSeconds);
    }

    [Fact]
    public void A_backlog_of_batch_work_does_not_shut_interactive_requests_out()
    {
        _queue = NewQueue(running: 1, queuedWork: 2 * Work);
        Turn[] batch = [Batch(), Batch(), Batch()];

        Assert.Throws<RpcException>(() => Batch());
        var interactive = Enter(Priority.Interactive, 2);

        Assert.Throws<RpcException>(() => _queue.Enter(Priority.Interactive, Work));
        Assert.Throws<RpcException>(() => Batch());
        Assert.Equal(batch.Length - 1 + interactive.Length, _queue.Load.Waiting);
    }

    [Fact]
    public void Done_work_is_not_counted_again_when_a_paused_request_waits()
    {
        var batch = Batch();
        batch.Done(70);
        _queue.Enter(Priority.Interactive, Work);

        _queue.GiveWayIfAsked(batch);

        Assert.Equal(Work - 70, _queue.Load.QueuedWork);
    }

    [Fact]
    public void Waits_are_added_up_pauses_too()
    {
        var first = _queue.Enter(Priority.Interactive, Work);
        var batch = Batch();
        _time.Advance(TimeSpan.FromSeconds(3));
        first.Dispose();
        _time.Advance(TimeSpan.FromSeconds(100));
        var second = _queue.Enter(Priority.Interactive, Work);
        _queue.GiveWayIfAsked(batch);
        _time.Advance(TimeSpan.FromSeconds(4));
        second.Dispose();

        Assert.True(Runs(batch));
        Assert.Equal(TimeSpan.FromSeconds(7), batch.Waited);
    }

    /// <summary>Ends the running one again and again.</summary>
    /// <returns>The others in the order in which they ran.</returns>
    private static Turn[] RunAll(Turn running, List<Turn> waiting)
    {
        var order = new List<Turn>();
        while (waiting.Count > 0)
        {
            running.Dispose();
            running = waiting.Single(Runs);
            waiting.Remove(running);
            order.Add(running);
            Assert.False(running.MustPause);
        }

        return [.. order];
    }

    private static bool Runs(Turn turn) => turn.State == TurnState.Running;

    private static TimeSpan RetryDelay(RpcException refused) =>
        refused.GetRpcStatus()!.GetDetail<RetryInfo>()!.RetryDelay.ToTimeSpan();

    private Turn Batch() => _queue.Enter(Priority.Batch, Work);

    private Turn[] Enter(Priority priority, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => _queue.Enter(priority, Work))];

    private WorkQueue NewQueue(int running, long queuedWork) => new(new QueueLimits(running, queuedWork, _patience), _time);
}
