using FluxGrpc.V1;

namespace FluxGrpc.Benchmarks.Simulation;

/// <summary>What the simulated services say of themselves: FLUX.1-dev's sizes, and that nothing is computed.</summary>
internal static class SimulatedModels
{
    public const int TextTokens = 512;
    public const int ContextSize = 4096;
    public const int PooledSize = 768;
    public const int TokenChannels = 64;

    private const int MaxSide = 2048;
    private const int MaxMessageBytes = 256 << 20;

    public static TextEncoderServiceGetModelInfoResponse TextEncoder { get; } = new()
    {
        Component = Component(),
        HiddenSize = ContextSize,
        PooledSize = PooledSize,
        MaxTokens = TextTokens,
        MaxClipTokens = 77,
        MaxPromptLength = 10_000,
    };

    public static VaeServiceGetModelInfoResponse Vae { get; } = new()
    {
        Component = Component(),
        LatentChannels = 16,
        DownscaleFactor = 8,
        ScalingFactor = 0.3611f,
        ShiftFactor = 0.1159f,
        SampleSize = 1024,
        MaxPixels = MaxSide * MaxSide,
    };

    public static DenoiserServiceGetModelInfoResponse Denoiser(string replicaId) => new()
    {
        Component = Component(),
        Variant = FluxVariant.Dev,
        InChannels = TokenChannels,
        ContextSize = ContextSize,
        PooledSize = PooledSize,
        HiddenSize = 3072,
        HeadCount = 24,
        DoubleBlockCount = 19,
        SingleBlockCount = 38,
        MaxImageTokens = MaxSide * MaxSide / 256,
        MaxTextTokens = TextTokens,
        MaxSteps = 200,
        MaxSessions = 1024,
        ReplicaId = replicaId,
    };

    private static ComponentInfo Component() => new()
    {
        ModelName = "simulation",
        Fingerprint = "simulation",
        CheckpointLayout = "simulation",
        Device = "simulation",
        ComputeDataType = DataType.Bfloat16,
        MaxMessageBytes = MaxMessageBytes,
        RandomWeights = true,
    };
}
