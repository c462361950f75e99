using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator;

/// <summary>The queue as callers see it: places, priorities, pauses, deadlines.</summary>
public sealed class QueueingTests : IAsyncLifetime
{
    private readonly ScriptedTier _tier = new();

    public async Task InitializeAsync()
    {
        _tier.Options.MaxGenerations = 1;
        await _tier.StartAsync();
    }

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task A_request_that_waits_is_accepted_then_told_its_place_and_made_when_its_turn_comes()
    {
        var step = BlockedStep.In(_tier.Denoiser.Script, 0);
        using var first = await StartAsync(Request(Priority.Interactive));
        await step.Reached;
        using var second = _tier.Client.Generate(Request(Priority.Interactive));

        Assert.Equal("Accepted", await NextAsync(second));
        Assert.Equal("Queued", await NextAsync(second));
        Assert.Equal((0, 3L * (20 + 8)), (second.ResponseStream.Current.Queued.Ahead, second.ResponseStream.Current.Queued.WorkAhead));
        var status = await _tier.Client.GetStatusAsync(new());
        Assert.Equal((2, 1, 3L * (20 + 8)), (status.Generations, status.Waiting, status.QueuedWork));
        step.GoOn();

        Assert.Equal("Encoded", await NextAsync(second));
        var finished = (await RestAsync(second))[^1].Finished;
        Assert.InRange(finished.QueueTime.ToTimeSpan(), TimeSpan.FromTicks(1), finished.TotalTime.ToTimeSpan());
        Assert.NotNull((await RestAsync(first))[^1].Finished);
    }

    [Fact]
    public async Task A_batch_image_pauses_for_an_interactive_one_and_comes_out_the_same()
    {
        var undisturbed = Image(await _tier.GenerateAsync(Request(Priority.Batch)));
        var sessions = _tier.Denoiser.Script.Openings;
        var step = BlockedStep.In(_tier.Denoiser.Script, 1);
        using var batch = await StartAsync(Request(Priority.Batch));
        await step.Reached;
        using var interactive = await StartAsync(Request(Priority.Interactive));
        await _tier.UntilAsync(status => status.Waiting == 1);

        step.GoOn();
        var interactiveEvents = await RestAsync(interactive);
        var batchEvents = await RestAsync(batch);

        Assert.Equal(undisturbed.Data, Image(batchEvents).Data);
        Assert.NotNull(interactiveEvents[^1].Finished);
        var kinds = batchEvents.Select(item => item.EventCase.ToString());
        Assert.Equal(["Encoded", "Step", "Step", "Queued", "Step", "Image", "Finished"], kinds);
        var opened = _tier.Denoiser.Script.Opened.Skip(sessions).ToList();
        Assert.Equal([(Priority.Batch, 0), (Priority.Interactive, 0), (Priority.Batch, 2)],
            opened.Select(opening => (opening.Priority, opening.FirstStepIndex)));
        Assert.Equal(0, _tier.Denoiser.Script.OpenSessions);
    }

    [Fact]
    public async Task A_deadline_that_passes_in_the_queue_ends_the_request_and_frees_its_place()
    {
        var step = BlockedStep.In(_tier.Denoiser.Script, 0);
        using var first = await StartAsync(Request(Priority.Interactive));
        await step.Reached;
        using var second = _tier.Client.Generate(
            Request(Priority.Interactive), deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(1));

        var exception = await Assert.ThrowsAsync<RpcException>(() => RestAsync(second));

        Assert.Equal(StatusCode.DeadlineExceeded, exception.StatusCode);
        await _tier.UntilAsync(status => status.Waiting == 0);
        Assert.Equal(1, _tier.TextEncoder.Script.Calls);
        step.GoOn();
        Assert.NotNull((await RestAsync(first))[^1].Finished);
    }

    private async Task<AsyncServerStreamingCall<GenerateResponse>> StartAsync(GenerateRequest request)
    {
        var call = _tier.Client.Generate(request);
        Assert.Equal("Accepted", await NextAsync(call));
        return call;
    }

    private static async Task<string> NextAsync(AsyncServerStreamingCall<GenerateResponse> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(default).WaitAsync(ScriptedTier.Patience));
        return call.ResponseStream.Current.EventCase.ToString();
    }

    private static async Task<List<GenerateResponse>> RestAsync(AsyncServerStreamingCall<GenerateResponse> call)
    {
        var events = new List<GenerateResponse>();
        while (await call.ResponseStream.MoveNext(default).WaitAsync(ScriptedTier.Patience))
            events.Add(call.ResponseStream.Current);
        return events;
    }

    private static GeneratedImage Image(IEnumerable<GenerateResponse> events) => events.Single(item => item.Image is not null).Image;

    private static GenerateRequest Request(Priority priority) => new()
    {
        Prompt = "a red circle",
        Width = 80,
        Height = 64,
        Steps = 3,
        Seed = 41,
        MaxTokens = 8,
        Priority = priority,
    };
}
