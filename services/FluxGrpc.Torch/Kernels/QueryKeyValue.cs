using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>What attention works on. Letters: B samples, T tokens, H heads of d elements, D = H·d.</summary>
/// <param name="Query">[B, H, T, d].</param>
/// <param name="Key">[B, H, T, d].</param>
/// <param name="Value">[B, H, T, d].</param>
public readonly record struct QueryKeyValue(Tensor Query, Tensor Key, Tensor Value)
{
    /// <summary>Cuts a projection into heads; its order is query ‖ key ‖ value, then head, then element.</summary>
    /// <param name="projection">[B, T, 3·D].</param>
    /// <param name="headSize">Elements d of a head.</param>
    /// <returns>Views of the projection.</returns>
    public static QueryKeyValue Split(Tensor projection, long headSize)
    {
        ArgumentNullException.ThrowIfNull(projection);
        using var scope = NewDisposeScope();
        var parts = projection.unflatten(2, 3, -1, headSize).permute(2, 0, 3, 1, 4).unbind();    // 3 × [B, H, T, d]
        return new QueryKeyValue(parts[0], parts[1], parts[2]).MoveToOuterDisposeScope();
    }

    /// <summary>Puts the tokens of one stream after those of another.</summary>
    public static QueryKeyValue Join(QueryKeyValue first, QueryKeyValue second) => new(
        cat([first.Query, second.Query], dim: 2),
        cat([first.Key, second.Key], dim: 2),
        cat([first.Value, second.Value], dim: 2));

    /// <summary>Lets all three live on in the outer scope.</summary>
    public QueryKeyValue MoveToOuterDisposeScope() =>
        new(Query.MoveToOuterDisposeScope(), Key.MoveToOuterDisposeScope(), Value.MoveToOuterDisposeScope());
}
