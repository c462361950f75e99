using FluxGrpc.Denoiser;
using FluxGrpc.Denoiser.Batching;
using FluxGrpc.V1;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser.Batching;

public sealed class StepQueueTests : IDisposable
{
    private static readonly TimeSpan _wait = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan _later = TimeSpan.FromSeconds(1);

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly StepQueue _queue = new(() => new BatchLimits(MaxSize: 3, MaxTokens: 1000, _wait));

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void A_lone_session_never_waits()
    {
        var alone = Enter();
        Add(alone, TimeSpan.Zero);
        Assert.Equal([alone], Choose(TimeSpan.Zero));

        _queue.Answered([Of(alone)], _later);
        Add(alone, _later);
        Assert.Equal([alone], Choose(_later));
    }

    [Fact]
    public void A_step_waits_for_a_caller_who_was_just_answered_and_no_longer()
    {
        var (one, other) = (Enter(), Enter());
        _queue.Answered([Of(one), Of(other)], _later);
        Add(one, _later + _wait / 5);

        var choice = _queue.Choose(_later + _wait / 5);
        Assert.Empty(choice.Steps);
        Assert.Equal(_later + _wait, choice.WaitUntil);

        Assert.Equal([one], Choose(_later + _wait));
    }

    [Fact]
    public void Steps_that_wait_together_run_together_in_the_order_of_their_sessions()
    {
        var (one, other) = (Enter(), Enter());
        _queue.Answered([Of(one), Of(other)], _later);
        Add(other, _later);
        Add(one, _later);

        Assert.Equal([one, other], Choose(_later));
    }

    [Fact]
    public void Nobody_waits_for_a_caller_who_takes_longer_or_has_its_last_step_or_left()
    {
        var (one, slow, done, gone) = (Enter(), Enter(), Enter(), Enter());
        _queue.Answered([Of(slow)], _later - _wait);
        _queue.Answered([new ScheduledStep(done, Steps.Last(), _later)], _later);
        _queue.Answered([Of(one), Of(gone)], _later);
        _queue.Leave(gone);

        Add(one, _later);

        Assert.Equal([one], Choose(_later));
    }

    [Fact]
    public void Nobody_waits_for_a_session_that_cannot_come_along()
    {
        var (one, other) = (Enter(), Enter(Steps.Large));
        _queue.Answered([Of(one), Of(other)], _later);
        Add(one, _later);

        Assert.Equal([one], Choose(_later));
    }

    [Fact]
    public void The_device_is_not_kept_idle_while_another_step_waits()
    {
        var (one, other, large) = (Enter(), Enter(), Enter(Steps.Large));
        _queue.Answered([Of(one), Of(other)], _later);
        Add(one, _later);
        Add(large, _later);

        Assert.Equal([one], Choose(_later));
        Assert.Equal([large], Choose(_later));
    }

    [Fact]
    public void A_full_batch_does_not_wait()
    {
        var members = Enumerable.Range(0, 4).Select(_ => Enter()).ToArray();
        _queue.Answered([.. members.Select(Of)], _later);
        foreach (var member in members.Take(3))
            Add(member, _later);

        Assert.Equal(members.Take(3), Choose(_later));
    }

    [Fact]
    public void Tokens_bound_a_batch_but_not_a_step_alone()
    {
        var queue = new StepQueue(() => new BatchLimits(MaxSize: 8, MaxTokens: 2 * Steps.Small.Tokens + 1, _wait));
        BatchMember[] members = [Steps.Session(), Steps.Session(), Steps.Session(), Steps.Session(Steps.Large)];
        foreach (var member in members)
        {
            queue.Enter(member, TimeSpan.Zero);
            queue.Add(Of(member));
        }

        Assert.Equal(members[..2], Members(queue.Choose(_later)));
        Assert.Equal(members[2..3], Members(queue.Choose(_later)));
        Assert.Equal(members[3..], Members(queue.Choose(_later)));
        Assert.Empty(queue.Choose(_later).Steps);
    }

    [Fact]
    public void The_oldest_leads_so_that_groups_alternate()
    {
        BatchMember[] small = [Enter(), Enter()];
        BatchMember[] large = [Enter(Steps.Large), Enter(Steps.Large)];
        var queue = new StepQueue(() => new BatchLimits(MaxSize: 8, MaxTokens: long.MaxValue, _wait));
        var rounds = new List<BatchKey>();
        foreach (var member in small.Concat(large))
            queue.Add(Of(member));
        for (var round = 0; round < 6; round++)
        {
            var steps = queue.Choose(_later).Steps;
            rounds.Add(steps[0].Member.Key);
            Assert.Equal(2, steps.Count);
            foreach (var step in steps)
                queue.Add(Of(step.Member)); // Its caller is fast.
        }

        Assert.Equal([Steps.Small, Steps.Large, Steps.Small, Steps.Large, Steps.Small, Steps.Large], rounds);
    }

    [Fact]
    public void Interactive_goes_first_and_takes_no_batch_step_along()
    {
        var (batch, interactive) = (Enter(priority: Priority.Batch), Enter());
        Add(batch, TimeSpan.Zero);
        Add(interactive, _later);

        Assert.Equal([interactive], Choose(_later));
        Assert.Equal([batch], Choose(_later));
    }

    [Fact]
    public void A_batch_step_waits_a_moment_for_the_interactive_caller_who_was_just_answered()
    {
        var (batch, interactive) = (Enter(Steps.Large, Priority.Batch), Enter());
        _queue.Answered([Of(interactive)], _later);
        Add(batch, TimeSpan.Zero);
        Assert.Equal(_later + _wait, _queue.Choose(_later).WaitUntil);

        Add(interactive, _later + _wait / 2);
        Assert.Equal([interactive], Choose(_later + _wait / 2));

        Assert.Equal([batch], Choose(_later + _wait));
    }

    [Fact]
    public void A_batch_step_whose_turn_is_due_waits_for_no_interactive_caller()
    {
        var (batch, interactive) = (Enter(Steps.Large, Priority.Batch), Enter());
        Add(batch, TimeSpan.Zero);
        for (var turn = 0; turn < PriorityTurns.MostInteractiveInARow; turn++)
        {
            Add(interactive, _later);
            Assert.Equal([interactive], Choose(_later));
            _queue.Answered([Of(interactive)], _later);
        }

        Assert.Equal([batch], Choose(_later));
    }

    [Fact]
    public void Batch_gets_a_turn_after_a_number_of_interactive_ones()
    {
        var (batch, interactive) = (Enter(Steps.Large, Priority.Batch), Enter());
        Add(batch, TimeSpan.Zero);
        Add(interactive, TimeSpan.Zero);
        var turns = new List<Priority>();
        for (var turn = 0; turn < 3 * (PriorityTurns.MostInteractiveInARow + 1); turn++)
        {
            var taken = Assert.Single(Choose(_later));
            turns.Add(taken.Priority);
            Add(taken, _later); // Both always have another step.
        }

        var inARow = Enumerable.Repeat(Priority.Interactive, PriorityTurns.MostInteractiveInARow);
        Assert.Equal(Enumerable.Repeat(inARow.Append(Priority.Batch), 3).SelectMany(turn => turn), turns);
    }

    [Fact]
    public void In_a_turn_of_batch_interactive_steps_come_along()
    {
        var (batch, interactive) = (Enter(priority: Priority.Batch), Enter());
        Add(batch, TimeSpan.Zero);
        for (var turn = 0; turn < PriorityTurns.MostInteractiveInARow; turn++)
        {
            Add(interactive, TimeSpan.Zero);
            Assert.Equal([interactive], Choose(_later));
        }

        Add(interactive, TimeSpan.Zero);
        Assert.Equal([batch, interactive], Choose(_later));
    }

    [Fact]
    public void A_step_that_was_taken_back_does_not_run()
    {
        var (one, other) = (Enter(), Enter());
        var step = Of(one);
        _queue.Add(step);
        Add(other, TimeSpan.Zero);

        Assert.True(_queue.Remove(step));
        Assert.False(_queue.Remove(step));
        Assert.Equal([other], Choose(_later));
        Assert.Empty(Choose(_later));
    }

    private BatchMember Enter(BatchKey? key = null, Priority priority = Priority.Interactive)
    {
        var member = Steps.Session(key, priority);
        _queue.Enter(member, TimeSpan.Zero);
        return member;
    }

    private void Add(BatchMember member, TimeSpan arrivedAt) => _queue.Add(new ScheduledStep(member, Steps.First(), arrivedAt));

    private IEnumerable<BatchMember> Choose(TimeSpan now) => Members(_queue.Choose(now));

    private static ScheduledStep Of(BatchMember member) => new(member, Steps.First(), TimeSpan.Zero);

    private static IEnumerable<BatchMember> Members(BatchChoice choice) => choice.Steps.Select(step => step.Member);
}
