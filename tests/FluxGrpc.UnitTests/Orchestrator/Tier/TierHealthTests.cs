using FluxGrpc.UnitTests.Orchestrator.Services;
using Grpc.Core;
using Grpc.Health.V1;
using Xunit;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

/// <summary>The orchestrator's health follows that of the services behind it.</summary>
public sealed class TierHealthTests : IAsyncLifetime
{
    private readonly ScriptedTier _tier = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task It_serves_when_the_last_service_is_there()
    {
        await _tier.StartOrchestratorAsync();
        await _tier.Vae.StartAsync();
        await _tier.Denoiser.StartAsync();
        Assert.Equal(ServingStatus.NotServing, (await _tier.Health.CheckAsync(new HealthCheckRequest())).Status);
        Assert.False(_tier.Readiness.Ready.IsCompleted);

        await _tier.TextEncoder.StartAsync();

        await WaitForAsync(ServingStatus.Serving);
        await _tier.Readiness.Ready.WaitAsync(ScriptedTier.Patience);
    }

    [Fact]
    public async Task It_stops_serving_with_a_service_and_comes_back_with_it()
    {
        await _tier.StartAsync();

        await _tier.Denoiser.StopAsync();
        await WaitForAsync(ServingStatus.NotServing);
        await _tier.Denoiser.StartAsync();
        await WaitForAsync(ServingStatus.Serving);

        _tier.Vae.SetServing(false);
        await WaitForAsync(ServingStatus.NotServing);
        _tier.Vae.SetServing(true);
        await WaitForAsync(ServingStatus.Serving);
    }

    [Fact]
    public async Task It_does_not_serve_models_that_do_not_fit_one_another()
    {
        await _tier.StartAsync();

        await _tier.Vae.StopAsync();
        _tier.Vae.Script.Info.LatentChannels = 16;
        await WaitForAsync(ServingStatus.NotServing);
        await _tier.Vae.StartAsync();
        await _tier.UntilAsync(status => status.Components.All(item => item.Ready));

        var exception = await Assert.ThrowsAsync<RpcException>(async () => await _tier.Client.GetModelInfoAsync(new()));
        Assert.Equal(StatusCode.FailedPrecondition, exception.StatusCode);
        Assert.Contains("16 latent channels", exception.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(ServingStatus.NotServing, (await _tier.Health.CheckAsync(new HealthCheckRequest())).Status);
    }

    [Fact]
    public async Task The_status_says_which_service_is_missing()
    {
        await _tier.StartAsync();

        var before = await _tier.Client.GetStatusAsync(new());
        await _tier.TextEncoder.StopAsync();
        await WaitForAsync(ServingStatus.NotServing);
        var after = await _tier.Client.GetStatusAsync(new());

        Assert.Equal([("text-encoder", true), ("denoiser", true), ("vae", true)],
            before.Components.Select(item => (item.Component, item.Ready)));
        Assert.Equal("replica-1", before.Components[1].Load.ReplicaId);
        Assert.Equal([("text-encoder", false), ("denoiser", true), ("vae", true)],
            after.Components.Select(item => (item.Component, item.Ready)));
        Assert.NotEmpty(after.Components[0].Problem);
        Assert.DoesNotContain("/", after.Components[0].Problem, StringComparison.Ordinal);
    }

    private async Task WaitForAsync(ServingStatus status)
    {
        using var watch = _tier.Health.Watch(new HealthCheckRequest());
        do
            Assert.True(await watch.ResponseStream.MoveNext(default).WaitAsync(ScriptedTier.Patience));
        while (watch.ResponseStream.Current.Status != status);
    }
}
