using FluxGrpc.Denoiser.Model;

namespace FluxGrpc.Benchmarks;

/// <summary>What a step costs on paper.</summary>
internal static class StepCost
{
    /// <summary>Floating-point operations of a step: matrix products only, a multiplication and an addition each.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="imageTokens">N.</param>
    /// <param name="textTokens">L.</param>
    public static double Flops(TransformerConfig config, long imageTokens, long textTokens)
    {
        double width = config.HiddenSize, middle = config.MlpSize, tokens = imageTokens + textTokens;
        var attention = 4 * tokens * tokens * width;
        var perToken = 2 * (4 * width * width + 2 * width * middle); // q, k, v, projection; MLP up and down
        var doubleBlock = tokens * perToken + attention + 2 * (2 * 6 * width * width);
        var singleBlock = tokens * perToken + attention + 2 * 3 * width * width;
        var ends = 2 * width * (imageTokens * (config.InChannels + config.OutChannels) + textTokens * config.ContextSize);
        return config.DoubleBlockCount * doubleBlock + config.SingleBlockCount * singleBlock + ends;
    }
}
