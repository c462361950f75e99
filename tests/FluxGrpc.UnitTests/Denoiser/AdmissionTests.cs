using FluxGrpc.Denoiser;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Denoiser;

public sealed class AdmissionTests
{
    private const int Tokens = 10;

    private readonly Admission _admission = new(new AdmissionLimits(MaxSessions: 40, MaxWork: 100, MaxQueuedWork: 200));

    [Fact]
    public void A_peer_has_no_more_sessions_than_its_share_and_leaves_the_others_theirs()
    {
        var admission = new Admission(new AdmissionLimits(MaxSessions: 3, MaxWork: 1, MaxQueuedWork: 100) { MaxSessionsPerPeer = 2 });
        var open = admission.Enter(1, 1, Priority.Interactive, "10.0.0.1");
        using var waiting = admission.Enter(1, 1, Priority.Interactive, "10.0.0.1");

        AssertRefused("TOO_MANY_SESSIONS_OF_PEER", () => admission.Enter(1, 1, Priority.Interactive, "10.0.0.1"));
        using var other = admission.Enter(1, 1, Priority.Interactive, "10.0.0.2");
        open.Dispose();
        using var next = admission.Enter(1, 1, Priority.Interactive, "10.0.0.1");
    }

    [Fact]
    public async Task Work_is_steps_times_tokens_and_falls_with_each_new_step()
    {
        var first = await OpenAsync(steps: 4);
        var second = await OpenAsync(steps: 2);
        Assert.Equal(new Load(2, 0, 60, 0), _admission.Current);

        first.CountStep(remainingSteps: 3);
        first.CountStep(remainingSteps: 3);
        Assert.Equal(new Load(2, 0, 50, 2), _admission.Current);

        first.Dispose();
        first.Dispose();
        second.Dispose();
        Assert.Equal(new Load(0, 0, 0, 2), _admission.Current);
    }

    [Fact]
    public async Task One_session_too_many_is_told_when_to_come_back()
    {
        var admission = new Admission(new AdmissionLimits(MaxSessions: 1, MaxWork: 100, MaxQueuedWork: 100));
        using var first = admission.Enter(1, 1, Priority.Interactive);
        await DrainAsync(first);

        AssertRefused("TOO_MANY_SESSIONS", () => admission.Enter(1, 1, Priority.Interactive));
        Assert.Equal(1, admission.Current.Sessions);
    }

    [Fact]
    public async Task Work_beyond_the_bound_waits_until_a_step_makes_room()
    {
        var first = await OpenAsync(steps: 10);
        var second = new Waiting(Enter(steps: 1));
        Assert.Equal(0, await second.NextAsync());
        Assert.Equal(new Load(1, 1, 100, 0), _admission.Current);

        first.CountStep(remainingSteps: 9);

        await second.OpenedAsync();
        Assert.Equal(new Load(2, 0, 100, 1), _admission.Current);
    }

    [Fact]
    public async Task Everybody_is_told_when_their_place_changes()
    {
        var first = await OpenAsync(steps: 10);
        Waiting second = new(Enter(steps: 10)), third = new(Enter(steps: 3)), fourth = new(Enter(steps: 3));
        Assert.Equal((0, 1, 2), (await second.NextAsync(), await third.NextAsync(), await fourth.NextAsync()));

        third.Place.Dispose();
        Assert.Equal(1, await fourth.NextAsync());

        first.Dispose();
        await second.OpenedAsync();
        Assert.Equal(0, await fourth.NextAsync());
    }

    [Fact]
    public async Task Nobody_overtakes_a_larger_session()
    {
        var first = await OpenAsync(steps: 5);
        var large = new Waiting(Enter(steps: 6));
        var small = new Waiting(Enter(steps: 1)); // It would fit.
        Assert.Equal((0, 1), (await large.NextAsync(), await small.NextAsync()));

        first.CountStep(remainingSteps: 4);

        await large.OpenedAsync();
        Assert.Equal(0, await small.NextAsync());
    }

    [Fact]
    public async Task A_session_of_more_work_than_there_may_be_opens_when_it_is_alone()
    {
        var large = await OpenAsync(steps: 15);
        var larger = new Waiting(Enter(steps: 20));
        Assert.Equal(0, await larger.NextAsync());

        large.CountStep(remainingSteps: 1);
        Assert.Equal(1, _admission.Current.Sessions);
        large.Dispose();

        await larger.OpenedAsync();
    }

    [Fact]
    public async Task Too_much_waiting_work_is_refused_at_once_and_disturbs_nobody()
    {
        var first = await OpenAsync(steps: 10);
        var second = new Waiting(Enter(steps: 15));
        Assert.Equal(0, await second.NextAsync());

        AssertRefused("QUEUE_FULL", () => Enter(steps: 6));
        AssertRefused("QUEUE_FULL", () => Enter(steps: 20));

        var third = new Waiting(Enter(steps: 5));
        Assert.Equal(1, await third.NextAsync());
        first.Dispose();
        await second.OpenedAsync();
    }

    [Fact]
    public async Task Interactive_sessions_come_first_and_do_not_wait_for_batch_ones()
    {
        var batch = await OpenAsync(steps: 10, Priority.Batch);
        var waitingBatch = new Waiting(Enter(steps: 1, Priority.Batch));
        Assert.Equal(0, await waitingBatch.NextAsync());

        var interactive = await OpenAsync(steps: 10);
        var waitingInteractive = new Waiting(Enter(steps: 1));

        Assert.Equal(0, await waitingInteractive.NextAsync());
        Assert.Equal(1, await waitingBatch.NextAsync());
        interactive.Dispose();
        await waitingInteractive.OpenedAsync();
        waitingInteractive.Place.Dispose();
        Assert.Equal(0, await waitingBatch.NextAsync());
        batch.Dispose();
        await waitingBatch.OpenedAsync();
    }

    [Fact]
    public async Task Batch_sessions_get_a_turn_after_a_number_of_interactive_ones()
    {
        var running = await OpenAsync(steps: 10);
        Enter(steps: 1, Priority.Batch);
        var opened = 0;
        while (true)
        {
            var next = Enter(steps: 10); // There is always an interactive one, too.
            running.Dispose();
            if (_admission.Current.WaitingSessions == 0)
                break;
            running = next;
            opened++;
        }

        Assert.Equal(PriorityTurns.MostInteractiveInARow, opened);
    }

    [Fact]
    public async Task Who_gives_up_leaves_the_queue()
    {
        using var first = await OpenAsync(steps: 10);
        using var cancellation = new CancellationTokenSource();
        var second = Enter(steps: 1);
        var waiting = DrainAsync(second, cancellation.Token);

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        second.Dispose();

        Assert.Equal(new Load(1, 0, 100, 0), _admission.Current);
    }

    private Admission.Place Enter(int steps, Priority priority = Priority.Interactive) => _admission.Enter(steps, Tokens, priority);

    /// <summary>Enters a session that need not wait.</summary>
    private async Task<Admission.Place> OpenAsync(int steps, Priority priority = Priority.Interactive)
    {
        var place = Enter(steps, priority);
        await DrainAsync(place);
        return place;
    }

    private static async Task DrainAsync(Admission.Place place, CancellationToken cancellation = default)
    {
        await foreach (var _ in place.WaitAsync(cancellation))
        {
        }
    }

    private static void AssertRefused(string reason, Func<object> enter)
    {
        var exception = Assert.Throws<RpcException>(enter);
        Assert.Equal(StatusCode.ResourceExhausted, exception.StatusCode);
        var status = exception.GetRpcStatus()!;
        Assert.Equal(reason, status.GetDetail<ErrorInfo>().Reason);
        Assert.True(status.GetDetail<RetryInfo>().RetryDelay.ToTimeSpan() > TimeSpan.Zero);
    }

    /// <summary>A session that waits, and what it is told.</summary>
    private sealed class Waiting(Admission.Place place)
    {
        private readonly IAsyncEnumerator<int> _told = place.WaitAsync(CancellationToken.None).GetAsyncEnumerator();

        public Admission.Place Place => place;

        public async Task<int> NextAsync()
        {
            Assert.True(await _told.MoveNextAsync(), "it was opened");
            return _told.Current;
        }

        public async Task OpenedAsync()
        {
            while (await _told.MoveNextAsync())
            {
            }
        }
    }
}
