using FluxGrpc.Tensors;
using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

/// <summary>What callers are told when the configured wait is over.</summary>
public sealed class GivingUpTests : IAsyncLifetime
{
    private static readonly TimeSpan _soon = TimeSpan.FromMilliseconds(1);
    private readonly ScriptedTier _tier = new();

    public async Task InitializeAsync()
    {
        _tier.Options.TierWaitSeconds = 1;
        await _tier.StartAsync();
    }

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task A_denoiser_that_stays_full_is_resource_exhausted()
    {
        _tier.Denoiser.Script.OnOpen = _ => throw RpcErrors.ResourceExhausted("TOO_MANY_SESSIONS", "4 sessions are open", _soon);

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal(StatusCode.ResourceExhausted, exception.StatusCode);
        Assert.Equal("denoiser: 4 sessions are open", exception.Status.Detail);
        Assert.Equal("TOO_MANY_SESSIONS", exception.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
        Assert.InRange(_tier.Denoiser.Script.Openings, 2, 50); // With growing pauses.
    }

    [Fact]
    public async Task A_denoiser_that_asked_for_a_pause_is_full_and_not_missing()
    {
        _tier.Denoiser.Script.OnOpen = _ =>
            throw RpcErrors.ResourceExhausted("TOO_MANY_SESSIONS", "4 sessions are open", TimeSpan.FromHours(1));
        await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));
        var openings = _tier.Denoiser.Script.Openings;

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal(openings, _tier.Denoiser.Script.Openings); // It was left alone.
        Assert.Equal((StatusCode.ResourceExhausted, "denoiser has more to do than fits before the deadline"),
            (exception.StatusCode, exception.Status.Detail));
        Assert.NotNull(exception.GetRpcStatus()!.GetDetail<RetryInfo>());
    }

    [Fact]
    public async Task A_step_that_keeps_failing_fails_with_what_the_denoiser_said()
    {
        _tier.Denoiser.Script.OnStep = (step, _) => step.Index == 1
            ? throw RpcErrors.Unavailable("STOPPING", "The server is stopping", _soon)
            : Task.CompletedTask;

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal((StatusCode.Unavailable, "denoiser: The server is stopping"), (exception.StatusCode, exception.Status.Detail));
    }

    [Fact]
    public async Task A_service_that_is_gone_is_named_without_its_address()
    {
        await _tier.Vae.StopAsync();

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal((StatusCode.Unavailable, "vae is not there: vae is not reachable; it did not come back in time"),
            (exception.StatusCode, exception.Status.Detail));
        Assert.NotNull(exception.GetRpcStatus()!.GetDetail<RetryInfo>());
    }

    [Fact]
    public async Task A_model_that_changed_between_question_and_opening_is_unavailable()
    {
        _tier.Denoiser.Script.OnOpen = _ =>
            throw RpcErrors.FailedPrecondition("FINGERPRINT_MISMATCH", "open.expected_fingerprint", "another model");

        var exception = await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request()));

        Assert.Equal(StatusCode.Unavailable, exception.StatusCode);
        Assert.Equal("MODEL_CHANGED", exception.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
    }

    [Fact]
    public async Task A_caller_with_a_deadline_is_told_before_it_is_over()
    {
        await _tier.Denoiser.StopAsync();
        await _tier.UntilAsync(status => status.Components.Any(item => !item.Ready));
        var deadline = TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(10); // A tenth is left to answer in, on a busy machine too.

        using var call = _tier.Client.Generate(Request(), deadline: deadline);
        var exception = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default));

        Assert.Equal(StatusCode.Unavailable, exception.StatusCode);
        Assert.StartsWith("denoiser is not there", exception.Status.Detail, StringComparison.Ordinal);
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
