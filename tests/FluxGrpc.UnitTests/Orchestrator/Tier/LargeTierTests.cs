using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

/// <summary>A thousand requests at once over 64 denoisers.</summary>
public sealed class LargeTierTests : IAsyncLifetime
{
    private const int Denoisers = 64;
    private const int Requests = 1000;

    private readonly ScriptedTier _tier = new(Denoisers);

    public async Task InitializeAsync()
    {
        _tier.Options.MaxGenerations = Requests;
        await _tier.StartAsync();
        await _tier.UntilAsync(status => status.Components.All(item => item.Ready));
    }

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task Every_image_is_made_and_every_denoiser_has_its_share()
    {
        var all = await Task.WhenAll(Enumerable.Range(0, Requests).Select(_ => _tier.GenerateAsync(new GenerateRequest
        {
            Prompt = "a red circle",
            Width = 64,
            Height = 64,
            Steps = 4,
            Seed = 5,
            MaxTokens = 8,
            Guidance = 3,
        })));

        Assert.All(all, events => Assert.NotNull(events[^1].Finished));
        Assert.Single(all.Select(events => events.Single(item => item.Image is not null).Image.Data).Distinct());
        const int Share = Requests / Denoisers;
        Assert.All(_tier.Denoisers, denoiser => Assert.InRange(denoiser.Script.Openings, Share / 2, 2 * Share));
        Assert.Equal(4 * Requests, _tier.Denoisers.Sum(denoiser => denoiser.Script.Steps.Count)); // None was taken twice.
        var status = await _tier.Client.GetStatusAsync(new());
        Assert.All(status.Components, item => Assert.Equal((0L, 0), (item.OutstandingWork, item.Sessions)));
    }
}
