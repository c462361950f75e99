namespace FluxGrpc.Torch.Kernels;

/// <summary>What linear layers hold their weights in, and so how much memory a model takes: nearly all of it is theirs.</summary>
public enum WeightType
{
    /// <summary>The type that is computed in.</summary>
    Compute,

    /// <summary>
    /// The type they are stored in, where that is narrower: they are widened for each product, see <see cref="KeptWeights"/>, which gives
    /// the same bytes.
    /// </summary>
    Stored,

    /// <summary>
    /// float8: large ones are rounded to it unless they are stored so, and multiplied in it with rounded inputs; others as stored.
    /// </summary>
    Float8,

    /// <summary>int8: large ones are rounded to it and multiplied in it with rounded inputs, on a CPU; others as stored.</summary>
    Int8,
}
