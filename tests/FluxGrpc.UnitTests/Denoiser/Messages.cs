using FluxGrpc.Denoiser.Model;
using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.UnitTests.Denoiser;

/// <summary>Valid messages for <see cref="SmallTransformer"/>, for tests to spoil.</summary>
internal static class Messages
{
    public static DenoiseRequest Opening(TransformerConfig config) => new()
    {
        Open = new OpenSession
        {
            SessionId = "session-1",
            HiddenStates = Zeros(1, SmallTransformer.TextTokens, config.ContextSize),
            Pooled = Zeros(1, config.PooledSize),
            Grid = new LatentGrid { Rows = SmallTransformer.Rows, Columns = SmallTransformer.Columns },
            Sigmas = { 1f, 0.75f, 0.5f, 0f },
            Guidance = 3.5f,
        },
    };

    public static DenoiseRequest Step(TransformerConfig config, int index) => new()
    {
        Step = new DenoiseStep
        {
            Index = index,
            Timestep = 1,
            Latents = Zeros(1, SmallTransformer.Rows * SmallTransformer.Columns, config.InChannels),
        },
    };

    public static Tensor Zeros(params long[] shape) =>
        TensorMessage.FromFloats(new float[shape.Aggregate(1L, (product, dimension) => product * dimension)], shape);
}
