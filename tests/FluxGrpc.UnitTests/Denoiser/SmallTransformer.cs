using FluxGrpc.Denoiser.Model;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser;

/// <summary>The least transformer in which every size is another one, and inputs for it.</summary>
internal static class SmallTransformer
{
    public const int TextTokens = 5;
    public const int Rows = 2;
    public const int Columns = 3;

    public static TransformerConfig Config { get; } = new()
    {
        InChannels = 8,
        OutChannels = 8,
        PooledSize = 10,
        ContextSize = 14,
        HiddenSize = 24,
        MlpSize = 40,
        HeadCount = 2,
        DoubleBlockCount = 2,
        SingleBlockCount = 1,
        AxesSizes = [2, 4, 6],
        TakesGuidance = true,
    };

    /// <summary>Seeded inputs; the caller's dispose scope owns them.</summary>
    public static TransformerInput Input(int samples)
    {
        using var generator = new Generator(7, CPU);
        Tensor Random(params long[] shape) => randn([samples, .. shape], generator: generator);
        return new TransformerInput
        {
            Latents = Random(Rows * Columns, Config.InChannels),
            HiddenStates = Random(TextTokens, Config.ContextSize),
            Pooled = Random(Config.PooledSize),
            Timesteps = linspace(0.9, 0.2, samples),
            Guidance = linspace(3.5, 1.0, samples),
            Positions = Rope.Positions(TextTokens, Rows, Columns),
        };
    }
}
