using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;
using static FluxGrpc.ProcessTests.Queueing.OnePlaceFixture;

namespace FluxGrpc.ProcessTests.Queueing;

/// <summary>A server with more to do than it can: places, priorities, refusals.</summary>
[Collection(OnePlaceTests.Name)]
public sealed class QueueTests(OnePlaceFixture fixture)
{
    private const int Steps = 120;

    [Fact]
    public async Task Those_that_wait_are_told_their_place_move_up_and_are_served()
    {
        using var running = fixture.Orchestrator.Generate(LongRequest(1));
        await UntilAsync(running, item => item.Step is not null);
        using var next = fixture.Orchestrator.Generate(LongRequest(2));
        Assert.Equal(0, (await UntilAsync(next, item => item.Queued is not null)).Queued.Ahead);
        using var last = fixture.Orchestrator.Generate(LongRequest(3));
        var place = (await UntilAsync(last, item => item.Queued is not null)).Queued;
        Assert.Equal(1, place.Ahead);
        Assert.InRange(place.WorkAhead, LongWork, 2 * LongWork); // All of the next one and what is left of the running one.

        running.Dispose();

        await UntilAsync(next, item => item.Step is not null);
        Assert.Equal(0, (await UntilAsync(last, item => item.Queued is not null)).Queued.Ahead);
        next.Dispose();
        await UntilAsync(last, item => item.Step is not null);
        last.Dispose();
        await fixture.UntilIdleAsync();
    }

    [Fact]
    public async Task Work_beyond_the_bound_is_refused_at_once_with_the_time_to_come_back()
    {
        using var running = fixture.Orchestrator.Generate(LongRequest(1));
        await UntilAsync(running, item => item.Step is { StepIndex: 2 });
        using var first = fixture.Orchestrator.Generate(LongRequest(2));
        using var second = fixture.Orchestrator.Generate(LongRequest(3));
        await fixture.UntilStatusAsync(status => status.Waiting == 2);

        using var refused = fixture.Orchestrator.Generate(LongRequest(4));
        var exception = await Assert.ThrowsAsync<RpcException>(() => RestAsync(refused));

        Assert.Equal(StatusCode.ResourceExhausted, exception.StatusCode);
        Assert.Equal($"The queue is full: {2 * LongWork} steps × tokens wait, the request has {LongWork}; allowed: {MaxQueuedWork}",
            exception.Status.Detail);
        var delay = exception.GetRpcStatus()!.GetDetail<RetryInfo>()!.RetryDelay.ToTimeSpan();
        Assert.InRange(delay, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1));
        foreach (var call in new[] { running, first, second })
            call.Dispose();
        await fixture.UntilIdleAsync();
    }

    [Fact]
    public async Task A_deadline_that_passes_in_the_queue_ends_the_request_and_frees_its_place()
    {
        using var running = fixture.Orchestrator.Generate(LongRequest(1));
        await UntilAsync(running, item => item.Step is not null);
        using var waiting = fixture.Orchestrator.Generate(
            LongRequest(2), deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(1));

        var exception = await Assert.ThrowsAsync<RpcException>(() => RestAsync(waiting));

        Assert.Equal(StatusCode.DeadlineExceeded, exception.StatusCode);
        await fixture.UntilStatusAsync(status => status is { Waiting: 0, QueuedWork: 0 });
        running.Dispose();
        await fixture.UntilIdleAsync();
    }

    [Fact]
    public async Task A_batch_image_pauses_between_two_steps_for_an_interactive_one_and_comes_out_the_same()
    {
        var request = new GenerateRequest(LongRequest(7, Priority.Batch)) { Width = 128, Height = 128, Steps = Steps };
        using var undisturbed = fixture.Orchestrator.Generate(request);
        var expected = Image(await RestAsync(undisturbed));
        using var batch = fixture.Orchestrator.Generate(request);
        await UntilAsync(batch, item => item.Step is { StepIndex: 5 });
        using var interactive = fixture.Orchestrator.Generate(new GenerateRequest(LongRequest(8)) { Steps = 4 });

        var interactiveEvents = await RestAsync(interactive);
        var batchEvents = await RestAsync(batch);

        Assert.NotNull(interactiveEvents[^1].Finished);
        Assert.Equal(expected.Data, Image(batchEvents).Data);
        Assert.Contains(batchEvents, item => item.Queued is { Ahead: 0 });
        Assert.Equal(Enumerable.Range(6, Steps - 6), from item in batchEvents where item.Step is not null select item.Step.StepIndex);
        Assert.True(batchEvents[^1].Finished.QueueTime.ToTimeSpan() > TimeSpan.Zero);
        await fixture.UntilIdleAsync();
    }

    [Fact]
    public async Task The_same_prompt_with_another_seed_is_not_encoded_again()
    {
        var request = new GenerateRequest { Prompt = $"a prompt of its own {Guid.NewGuid()}", Width = 64, Height = 64, Steps = 1 };
        var before = (await fixture.Orchestrator.GetStatusAsync(new())).PromptCache;

        var cached = new List<bool>();
        for (var seed = 0UL; seed < 3; seed++)
        {
            using var call = fixture.Orchestrator.Generate(new GenerateRequest(request) { Seed = seed });
            cached.Add((await RestAsync(call)).Single(item => item.Encoded is not null).Encoded.Cached);
        }

        var after = (await fixture.Orchestrator.GetStatusAsync(new())).PromptCache;
        Assert.Equal([false, true, true], cached);
        Assert.Equal((before.Misses + 1, before.Hits + 2, before.Entries + 1), (after.Misses, after.Hits, after.Entries));
        Assert.True(after.Bytes > before.Bytes);
    }

    private static GeneratedImage Image(List<GenerateResponse> events) => events.Single(item => item.Image is not null).Image;
}
