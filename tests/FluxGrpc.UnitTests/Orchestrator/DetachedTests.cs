using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator;

/// <summary>Requests that outlive their calls, and the ways to end requests from outside.</summary>
public sealed class DetachedTests : IAsyncLifetime
{
    private readonly ScriptedTier _tier = new();

    public async Task InitializeAsync() => await _tier.StartAsync();

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task A_caller_that_comes_back_gets_all_events_and_the_same_picture()
    {
        var undisturbed = await _tier.GenerateAsync(new(Request("undisturbed")));
        var step = BlockedStep.In(_tier.Denoiser.Script, 1);
        using (_tier.Client.Generate(Request("lost")))
            await step.Reached;

        var (first, second) = (_tier.GenerateAsync(Request("lost")), _tier.GenerateAsync(Request("lost")));
        step.GoOn();

        Assert.Equal(await first, await second);
        Assert.Equal(undisturbed.Select(item => item.EventCase), (await first).Select(item => item.EventCase));
        Assert.Equal(Image(undisturbed).Data, Image(await first).Data);
        Assert.Equal(await first, await _tier.GenerateAsync(Request("lost"))); // Kept after its end.
        Assert.Equal(2, _tier.Denoiser.Script.Openings);
        await _tier.UntilAsync(status => status.Detached == 2);
    }

    [Fact]
    public async Task Another_request_of_that_name_is_refused()
    {
        await _tier.GenerateAsync(Request("taken"));

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(new(Request("taken")) { Seed = 99 }));

        Assert.Equal(StatusCode.AlreadyExists, exception.StatusCode);
        Assert.Equal("REQUEST_ID_IN_USE", exception.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
    }

    [Fact]
    public async Task A_name_in_hand_is_refused_and_free_again_afterwards()
    {
        var step = BlockedStep.In(_tier.Denoiser.Script, 0);
        var request = new GenerateRequest(Request("attached")) { Detached = false };
        var first = _tier.GenerateAsync(request);
        await step.Reached;

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(request));
        step.GoOn();
        await first;

        Assert.Equal(StatusCode.AlreadyExists, exception.StatusCode);
        Assert.NotNull((await _tier.GenerateAsync(request))[^1].Finished);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Cancelling_by_name_ends_the_work_and_the_call(bool detached)
    {
        var step = BlockedStep.In(_tier.Denoiser.Script, 1);
        var call = _tier.GenerateAsync(new(Request("unwanted")) { Detached = detached });
        await step.Reached;

        await _tier.Client.CancelGenerationAsync(new CancelGenerationRequest { RequestId = "unwanted" });

        var exception = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Equal(StatusCode.Cancelled, exception.StatusCode);
        await _tier.Denoiser.Script.Ended.WaitAsync(ScriptedTier.Patience);
        Assert.Equal(0, _tier.Denoiser.Script.OpenSessions);
        var gone = await Assert.ThrowsAsync<RpcException>(async () =>
            await _tier.Client.CancelGenerationAsync(new CancelGenerationRequest { RequestId = "unwanted" }));
        Assert.Equal(StatusCode.NotFound, gone.StatusCode);
    }

    [Fact]
    public async Task Cancelling_needs_a_name()
    {
        var exception = await Assert.ThrowsAsync<RpcException>(async () => await _tier.Client.CancelGenerationAsync(new()));

        Assert.Equal(StatusCode.InvalidArgument, exception.StatusCode);
    }

    [Fact]
    public async Task A_failure_is_told_to_one_that_comes_back_and_then_the_request_is_made_anew()
    {
        var step = BlockedStep.In(_tier.Denoiser.Script, 1);
        using (_tier.Client.Generate(Request("failed")))
            await step.Reached;
        _tier.Vae.Script.OnDecode = _ => throw new RpcException(new Grpc.Core.Status(StatusCode.Internal, "out of memory"));
        step.GoOn();

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request("failed")));
        _tier.Vae.Script.OnDecode = _ => { };

        Assert.Equal(StatusCode.Internal, exception.StatusCode);
        Assert.NotNull((await _tier.GenerateAsync(Request("failed")))[^1].Finished);
    }

    [Fact]
    public async Task A_detached_request_has_a_name_and_no_tensors()
    {
        var exception = await Assert.ThrowsAsync<RpcException>(
            () => _tier.GenerateAsync(new(Request("")) { IncludeTensors = true }));

        Assert.Equal(["request_id", "include_tensors"],
            exception.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(violation => violation.Field));
    }

    [Fact]
    public async Task When_the_server_stops_the_callers_are_told()
    {
        var step = BlockedStep.In(_tier.Denoiser.Script, 1);
        var call = _tier.GenerateAsync(Request("late"));
        await step.Reached;

        await _tier.StopOrchestratorAsync();

        var exception = await Assert.ThrowsAsync<RpcException>(() => call);
        Assert.Equal(StatusCode.Unavailable, exception.StatusCode);
        Assert.Equal("STOPPING", exception.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
        await _tier.Denoiser.Script.Ended.WaitAsync(ScriptedTier.Patience);
    }

    private static GeneratedImage Image(IEnumerable<GenerateResponse> events) => events.Single(item => item.Image is not null).Image;

    private static GenerateRequest Request(string id) => new()
    {
        Prompt = "a red circle",
        Width = 64,
        Height = 64,
        Steps = 3,
        Seed = 41,
        MaxTokens = 8,
        RequestId = id,
        Detached = true,
    };
}
