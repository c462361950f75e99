namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// Sizes of a FLUX transformer; a checkpoint's are read by <see cref="TransformerConfigReader"/>. Reference: <c>FluxParams</c>.
/// </summary>
public sealed record TransformerConfig
{
    /// <summary>Channels of a token that goes in: packed latents, in FLUX.1 Fill and Control with further channels.</summary>
    public required long InChannels { get; init; }

    /// <summary>Channels of a token that comes out: packed velocity.</summary>
    public required long OutChannels { get; init; }

    /// <summary>Width P of the pooled CLIP vector.</summary>
    public required long PooledSize { get; init; }

    /// <summary>Width C of the T5 hidden states.</summary>
    public required long ContextSize { get; init; }

    /// <summary>Width D of the tokens inside.</summary>
    public required long HiddenSize { get; init; }

    /// <summary>Width M of the MLPs' middle.</summary>
    public required long MlpSize { get; init; }

    /// <summary>Attention heads H.</summary>
    public required long HeadCount { get; init; }

    /// <summary>Double-stream blocks.</summary>
    public required int DoubleBlockCount { get; init; }

    /// <summary>Single-stream blocks.</summary>
    public required int SingleBlockCount { get; init; }

    /// <summary>How many of a head's elements turn with each position axis (index, row, column); their sum is d.</summary>
    public required IReadOnlyList<long> AxesSizes { get; init; }

    /// <summary>True where the network takes the strength of the distilled guidance as an input.</summary>
    public required bool TakesGuidance { get; init; }

    /// <summary>True where the double blocks' query, key and value projections have biases.</summary>
    public bool HasQueryKeyValueBias { get; init; } = true;

    /// <summary>Size of the sinusoidal embedding of timestep and guidance.</summary>
    public long SinusoidSize { get; init; } = 256;

    /// <summary>Base of the rotary frequencies.</summary>
    public double Theta { get; init; } = 10_000;

    /// <summary>Elements d of a head.</summary>
    public long HeadSize => HiddenSize / HeadCount;

    /// <summary>Sizes of FLUX.1-dev.</summary>
    public static TransformerConfig FluxDev { get; } = new()
    {
        InChannels = 64,
        OutChannels = 64,
        PooledSize = 768,
        ContextSize = 4096,
        HiddenSize = 3072,
        MlpSize = 4 * 3072,
        HeadCount = 24,
        DoubleBlockCount = 19,
        SingleBlockCount = 38,
        AxesSizes = [16, 56, 56],
        TakesGuidance = true,
    };

    /// <summary>Sizes of FLUX.1-schnell.</summary>
    public static TransformerConfig FluxSchnell { get; } = FluxDev with { TakesGuidance = false };

    /// <summary>FLUX.1-dev's layers at full width, two blocks of each kind: small enough to run anywhere.</summary>
    public static TransformerConfig Seed { get; } = FluxDev with { DoubleBlockCount = 2, SingleBlockCount = 2 };

    /// <summary>Checks that the sizes fit each other.</summary>
    /// <exception cref="ArgumentException">They do not; the message names the sizes.</exception>
    public void Validate()
    {
        Check(nameof(InChannels), InChannels);
        Check(nameof(OutChannels), OutChannels);
        Check(nameof(PooledSize), PooledSize);
        Check(nameof(ContextSize), ContextSize);
        Check(nameof(HiddenSize), HiddenSize);
        Check(nameof(MlpSize), MlpSize);
        Check(nameof(HeadCount), HeadCount);
        Check(nameof(SinusoidSize), SinusoidSize);
        Check("number of blocks", (long)DoubleBlockCount + SingleBlockCount);
        if (HiddenSize % HeadCount != 0)
            throw new ArgumentException($"the hidden size {HiddenSize} is not a multiple of the {HeadCount} heads");
        if (SinusoidSize % 2 != 0)
            throw new ArgumentException($"the sinusoidal embedding's size {SinusoidSize} is odd");
        if (AxesSizes.Count != Rope.AxisCount || AxesSizes.Any(size => size < 0 || size % 2 != 0) || AxesSizes.Sum() != HeadSize)
        {
            throw new ArgumentException($"axes [{string.Join(", ", AxesSizes)}] do not share out a head of {HeadSize}; "
                + $"allowed: {Rope.AxisCount} even sizes whose sum it is");
        }
    }

    private static void Check(string name, long size)
    {
        const long Most = 1 << 20;
        if (size is < 1 or > Most)
            throw new ArgumentException($"{name} is {size}; allowed: 1 to {Most}");
    }
}
