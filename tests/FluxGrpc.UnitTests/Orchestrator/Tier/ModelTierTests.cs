using FluxGrpc.Orchestrator;
using FluxGrpc.Orchestrator.Tier;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

public sealed class ModelTierTests
{
    [Fact]
    public void Images_are_dealt_out_to_the_denoisers_in_turn()
    {
        var options = new OrchestratorOptions { Denoiser = "http://127.0.0.1:1,unix:/tmp/denoiser-2.sock,http://127.0.0.1:3" };
        using var tier = new ModelTier(options, TimeProvider.System, NullLogger<ModelTier>.Instance);

        var dealt = Enumerable.Range(0, 7).Select(_ => tier.NextDenoiser()).ToList();

        Assert.Equal(3, tier.Denoisers.Count);
        Assert.Equal(dealt, Enumerable.Range(0, 7).Select(image => tier.Denoisers[image % 3]));
        Assert.Equal(["text-encoder", "denoiser", "denoiser", "denoiser", "vae"], tier.Components.Select(component => component.Name));
    }
}
