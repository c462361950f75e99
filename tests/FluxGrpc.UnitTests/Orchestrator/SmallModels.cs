using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;

namespace FluxGrpc.UnitTests.Orchestrator;

/// <summary>What three services say whose small models fit one another.</summary>
internal static class SmallModels
{
    public const int HiddenSize = 6;
    public const int PooledSize = 5;
    public const int LatentChannels = 2;
    public const int TokenChannels = 8;

    public static ModelFacts Facts(FluxVariant variant = FluxVariant.Dev, Action<DenoiserServiceGetModelInfoResponse>? change = null)
    {
        var denoiser = Denoiser(variant);
        change?.Invoke(denoiser);
        return ModelFacts.Of(TextEncoder(), denoiser, Vae());
    }

    public static TextEncoderServiceGetModelInfoResponse TextEncoder() => new()
    {
        Component = Component("small-text"),
        HiddenSize = HiddenSize,
        PooledSize = PooledSize,
        MaxTokens = 512,
        MaxClipTokens = 77,
        MaxPromptLength = 20_000,
    };

    public static DenoiserServiceGetModelInfoResponse Denoiser(FluxVariant variant = FluxVariant.Dev) => new()
    {
        Component = Component("small-flux"),
        Variant = variant,
        InChannels = TokenChannels,
        ContextSize = HiddenSize,
        PooledSize = PooledSize,
        MaxImageTokens = 16_384,
        MaxTextTokens = 1024,
        MaxSteps = 1000,
        MaxSessions = 8,
        ReplicaId = "replica-1",
    };

    public static VaeServiceGetModelInfoResponse Vae() => new()
    {
        Component = Component("small-vae"),
        LatentChannels = LatentChannels,
        DownscaleFactor = 8,
        SampleSize = 128,
        MaxPixels = 2048 * 2048,
    };

    private static ComponentInfo Component(string name) => new() { ModelName = name, Fingerprint = $"{name}-1", Device = "cpu" };
}
