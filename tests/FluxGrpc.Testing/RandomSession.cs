using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Testing;

/// <summary>Messages of a session with random conditioning and latents, for a denoiser whose sizes it asks.</summary>
public sealed class RandomSession
{
    private readonly Tensor _latents;
    private readonly int _steps;

    /// <param name="model">The denoiser's answer to GetModelInfo.</param>
    /// <param name="grid">Rows and columns of the square patch grid.</param>
    /// <param name="textTokens">Text tokens L.</param>
    /// <param name="steps">Steps of the schedule.</param>
    /// <param name="seed">Another seed, another prompt, guidance and noise.</param>
    public RandomSession(DenoiserServiceGetModelInfoResponse model, int grid, int textTokens, int steps, int seed)
    {
        ArgumentNullException.ThrowIfNull(model);
        var random = new Random(seed);
        _steps = steps;
        _latents = Noise(random, 1, grid * grid, model.InChannels);
        Opening = new OpenSession
        {
            SessionId = $"session-{seed}",
            HiddenStates = Noise(random, 1, textTokens, model.ContextSize),
            Pooled = Noise(random, 1, model.PooledSize),
            Grid = new LatentGrid { Rows = grid, Columns = grid },
            Sigmas = { Enumerable.Range(0, steps + 1).Select(Timestep) },
        };
        if (model.Variant == FluxVariant.Dev)
            Opening.Guidance = 1 + 4 * random.NextSingle();
    }

    /// <summary>The first message.</summary>
    public OpenSession Opening { get; }

    /// <summary>A step, always from the same latents.</summary>
    public DenoiseStep Step(int index) => new() { Index = index, Timestep = Timestep(index), Latents = _latents };

    private float Timestep(int index) => 1 - (float)index / _steps;

    private static Tensor Noise(Random random, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, dimension) => product * dimension)];
        for (var i = 0; i < values.Length; i++)
            values[i] = 2 * random.NextSingle() - 1;
        return TensorMessage.FromFloats(values, shape);
    }
}
