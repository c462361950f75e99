using System.Globalization;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// A transformer as a table, in the order of computation. A transformer on the meta device will do, so that it takes no weights.
/// </summary>
public static class NetworkSummary
{
    private const int PixelsPerToken = 16;

    /// <summary>Lists the parts; their parameters add up to the transformer's.</summary>
    /// <param name="transformer">The transformer, on any device.</param>
    /// <param name="width">Width of the image in pixels, a multiple of 16.</param>
    /// <param name="height">Height of the image in pixels, a multiple of 16.</param>
    /// <param name="textTokens">Text tokens L.</param>
    /// <exception cref="ArgumentException">A size is not positive, or no multiple of 16.</exception>
    public static IReadOnlyList<SummaryRow> Create(FluxTransformer transformer, int width, int height, int textTokens)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(textTokens);
        var imageTokens = Patches(width, nameof(width)) * Patches(height, nameof(height));
        var parameters = transformer.named_parameters().Select(pair => (pair.name, Count: pair.parameter.numel())).ToList();
        return
        [
            .. Parts(transformer.Config, imageTokens, textTokens).Select(part => new SummaryRow(part.Module, part.Input, part.Output,
                parameters.Where(parameter => parameter.name.StartsWith($"{part.Module}.", StringComparison.Ordinal))
                    .Sum(parameter => parameter.Count))),
        ];
    }

    private static long Patches(int pixels, string name) => pixels > 0 && pixels % PixelsPerToken == 0
        ? pixels / PixelsPerToken
        : throw new ArgumentException($"is {pixels}; allowed: positive multiples of {PixelsPerToken}", name);

    private static IEnumerable<(string Module, long[] Input, long[] Output)> Parts(
        TransformerConfig config, long imageTokens, long textTokens)
    {
        var (hidden, tokens) = (config.HiddenSize, imageTokens + textTokens);
        yield return ("img_in", [1, imageTokens, config.InChannels], [1, imageTokens, hidden]);
        yield return ("time_in", [1, config.SinusoidSize], [1, hidden]);
        if (config.TakesGuidance)
            yield return ("guidance_in", [1, config.SinusoidSize], [1, hidden]);
        yield return ("vector_in", [1, config.PooledSize], [1, hidden]);
        yield return ("txt_in", [1, textTokens, config.ContextSize], [1, textTokens, hidden]);

        for (var i = 0; i < config.DoubleBlockCount; i++)
        {
            var block = string.Create(CultureInfo.InvariantCulture, $"double_blocks.{i}");
            yield return ($"{block}.img_mod", [1, hidden], [1, 6 * hidden]);
            yield return ($"{block}.txt_mod", [1, hidden], [1, 6 * hidden]);
            yield return ($"{block}.img_attn", [1, imageTokens, hidden], [1, imageTokens, hidden]);
            yield return ($"{block}.txt_attn", [1, textTokens, hidden], [1, textTokens, hidden]);
            yield return ($"{block}.img_mlp", [1, imageTokens, hidden], [1, imageTokens, hidden]);
            yield return ($"{block}.txt_mlp", [1, textTokens, hidden], [1, textTokens, hidden]);
        }

        for (var i = 0; i < config.SingleBlockCount; i++)
        {
            var block = string.Create(CultureInfo.InvariantCulture, $"single_blocks.{i}");
            long[] heads = [1, config.HeadCount, tokens, config.HeadSize];
            yield return ($"{block}.modulation", [1, hidden], [1, 3 * hidden]);
            yield return ($"{block}.linear1", [1, tokens, hidden], [1, tokens, 3 * hidden + config.MlpSize]);
            yield return ($"{block}.norm", heads, heads);
            yield return ($"{block}.linear2", [1, tokens, hidden + config.MlpSize], [1, tokens, hidden]);
        }

        yield return ("final_layer.adaLN_modulation", [1, hidden], [1, 2 * hidden]);
        yield return ("final_layer.linear", [1, imageTokens, hidden], [1, imageTokens, config.OutChannels]);
    }
}
