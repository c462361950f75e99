using FluxGrpc.Tensors;
using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;
using Status = Grpc.Core.Status;

namespace FluxGrpc.UnitTests.Orchestrator;

/// <summary>The orchestrator over services that fail, and under callers that leave.</summary>
public sealed class FailureTests : IAsyncLifetime
{
    private static readonly TimeSpan _soon = TimeSpan.FromMilliseconds(1);
    private readonly ScriptedTier _tier = new();

    public async Task InitializeAsync() => await _tier.StartAsync();

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task Cancelling_ends_the_denoisers_session_within_the_step()
    {
        using var cancellation = new CancellationTokenSource();
        var running = RunUntilStepWaits();
        using var call = _tier.Client.Generate(Request(), cancellationToken: cancellation.Token);

        await running;
        await cancellation.CancelAsync();

        await _tier.Denoiser.Script.Ended.WaitAsync(ScriptedTier.Patience);
        Assert.Equal(0, _tier.Denoiser.Script.OpenSessions);
    }

    [Fact]
    public async Task The_callers_deadline_ends_the_denoisers_session()
    {
        var running = RunUntilStepWaits();
        var deadline = TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(2);
        using var call = _tier.Client.Generate(Request(), deadline: deadline);
        await running;

        var exception = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(default))
            {
            }
        });

        Assert.Equal(StatusCode.DeadlineExceeded, exception.StatusCode);
        await _tier.Denoiser.Script.Ended.WaitAsync(ScriptedTier.Patience);
    }

    [Fact]
    public async Task A_short_outage_is_bridged_before_the_first_step()
    {
        _tier.TextEncoder.Script.OnEncode = FailAt(1, RpcErrors.Unavailable("MODEL_LOADING", "loading", _soon));
        _tier.Denoiser.Script.OnOpen = FailAt(1, RpcErrors.ResourceExhausted("TOO_MANY_SESSIONS", "full", _soon));
        _tier.Vae.Script.OnDecode = FailAt(1, RpcErrors.Unavailable("STOPPING", "stopping", _soon));

        var events = await _tier.GenerateAsync(Request());

        Assert.NotNull(events[^1].Finished);
        Assert.Equal((2, 2, 2), (_tier.TextEncoder.Script.Calls, _tier.Denoiser.Script.Openings, _tier.Vae.Script.Calls));
    }

    [Fact]
    public async Task What_the_services_refuse_is_our_bug_and_not_tried_again()
    {
        _tier.TextEncoder.Script.OnEncode = _ => throw Violations.Of("max_tokens", "is 64; allowed: 2 to 32");

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal(StatusCode.Internal, exception.StatusCode);
        Assert.Equal("text-encoder failed; the server's log has the details", exception.Status.Detail);
        Assert.Equal(1, _tier.TextEncoder.Script.Calls);
    }

    [Fact]
    public async Task A_step_that_fails_for_a_moment_is_taken_again()
    {
        var undisturbed = await _tier.GenerateAsync(Request());
        var failures = 0;
        _tier.Denoiser.Script.OnStep = (step, _) => step.Index == 1 && failures++ < 2
            ? throw RpcErrors.Unavailable("BUSY", "Not now", _soon)
            : Task.CompletedTask;

        var events = await _tier.GenerateAsync(Request());

        Assert.Equal((0, 2), (events[^1].Finished.ReplicaChanges, events[^1].Finished.RepeatedSteps));
        Assert.Equal(Image(undisturbed), Image(events));
        Assert.Equal(1, _tier.Denoiser.Script.Opened[^1].FirstStepIndex);
    }

    [Fact]
    public async Task Work_that_kills_whoever_takes_it_does_not_go_on_for_ever()
    {
        _tier.Denoiser.Script.OnStepOf = (_, _, context) =>
        {
            context.GetHttpContext().Abort();
            return Task.Delay(Timeout.Infinite, context.CancellationToken);
        };

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal((StatusCode.Unavailable, "denoiser is not reachable"), (exception.StatusCode, exception.Status.Detail));
        Assert.Equal(8, _tier.Denoiser.Script.Openings);
    }

    [Fact]
    public async Task Nonsense_from_a_service_is_internal()
    {
        await RestartAsync(() =>
        {
            _tier.TextEncoder.Script.Info.HiddenSize = 7;
            _tier.Denoiser.Script.Info.ContextSize = 7; // They agree, but Encode answers otherwise.
        });

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal(StatusCode.Internal, exception.StatusCode);
        Assert.Equal(0, _tier.Denoiser.Script.Openings);
    }

    [Fact]
    public async Task A_service_that_came_back_with_another_model_is_noticed_by_the_next_request()
    {
        Assert.NotNull((await _tier.GenerateAsync(Request()))[^1].Finished);

        await RestartAsync(() => _tier.Denoiser.Script.Info = SmallModels.Denoiser(FluxVariant.Schnell));
        var refused = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));
        await RestartAsync(() => _tier.Denoiser.Script.Info.PooledSize = 9);
        var unfit = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal((StatusCode.InvalidArgument, StatusCode.FailedPrecondition), (refused.StatusCode, unfit.StatusCode));
    }

    [Fact]
    public async Task A_failed_generation_leaves_nothing_behind()
    {
        _tier.Vae.Script.OnDecode = _ => throw new RpcException(new Status(StatusCode.Internal, "out of memory"));

        await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        await _tier.Denoiser.Script.Ended.WaitAsync(ScriptedTier.Patience);
        var status = await _tier.Client.GetStatusAsync(new());
        Assert.Equal((0, 0), (status.Generations, status.Components.Single(item => item.Component == "denoiser").Load.Sessions));
    }

    /// <summary>Stops the models, changes them, starts them again and waits until the orchestrator has seen it.</summary>
    private async Task RestartAsync(Action change)
    {
        await Task.WhenAll(_tier.TextEncoder.StopAsync(), _tier.Denoiser.StopAsync());
        await _tier.UntilAsync(status => status.Components.Count(item => item.Ready) == 1);
        change();
        await Task.WhenAll(_tier.TextEncoder.StartAsync(), _tier.Denoiser.StartAsync());
        await _tier.UntilAsync(status => status.Components.All(item => item.Ready));
    }

    private static Google.Protobuf.ByteString Image(IEnumerable<GenerateResponse> events) =>
        events.Single(item => item.Image is not null).Image.Data;

    private static Action<int> FailAt(int call, RpcException failure) => number =>
    {
        if (number == call)
            throw failure;
    };

    /// <summary>Lets the denoiser's next step wait until its call is cancelled.</summary>
    /// <returns>Completes when such a step runs.</returns>
    private Task RunUntilStepWaits()
    {
        var running = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _tier.Denoiser.Script.OnStep = async (_, cancellation) =>
        {
            running.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
        };
        return running.Task.WaitAsync(ScriptedTier.Patience);
    }

    private static GenerateRequest Request() => new()
    {
        Prompt = "a red circle",
        Width = 64,
        Height = 64,
        Steps = 2,
        Seed = 5,
        MaxTokens = 8,
        Guidance = 3,
    };
}
