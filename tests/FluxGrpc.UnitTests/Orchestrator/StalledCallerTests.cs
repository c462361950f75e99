using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator;

/// <summary>Callers that are there, but do not read.</summary>
public sealed class StalledCallerTests : IAsyncLifetime
{
    private readonly ScriptedTier _tier = new();

    public async Task InitializeAsync()
    {
        _tier.Options.StalledCallerSeconds = 1;
        await _tier.StartAsync();
    }

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task A_caller_that_does_not_read_is_cut_off_and_its_place_is_free_again()
    {
        using var call = _tier.Client.Generate(new GenerateRequest
        {
            Prompt = "a red circle",
            Width = 512,
            Height = 512,
            Steps = 200,
            IncludeTensors = true, // 400 of 32 KiB: more than all buffers on the way hold.
        });

        await _tier.Denoiser.Script.Ended.WaitAsync(ScriptedTier.Patience);

        await _tier.UntilAsync(status => status.Generations == 0);
        Assert.InRange(_tier.Denoiser.Script.StepsDone, 1, 199);
    }
}
