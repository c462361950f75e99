using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>First weights of the transformer and the text encoders: each layer keeps the loudness of its input.</summary>
internal static class FlowInitialization
{
    private const double EmbeddingLoudness = 0.5;
    private const double PositionLoudness = 0.1;

    /// <summary>Replaces the weights of a module.</summary>
    public static void Apply(nn.Module module, Generator generator)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in module.named_parameters())
        {
            using Scalar value = parameter.dim() > 1 ? Deviation(name, parameter)
                : name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1;
            if (parameter.dim() > 1)
                parameter.copy_(randn(parameter.shape, generator: generator) * value);
            else
                parameter.fill_(value); // TorchSharp leaves norms uninitialised.
        }
    }

    private static double Deviation(string name, Tensor parameter)
    {
        // Blocks begin as identities and the velocity as zero: modulations and the last layer learn from nothing.
        if (name.Contains("mod.lin", StringComparison.Ordinal) || name.Contains("modulation.", StringComparison.Ordinal)
            || name.StartsWith("final_layer.", StringComparison.Ordinal))
        {
            return 0;
        }

        if (name.Contains("position_embedding", StringComparison.Ordinal)
            || name.Contains("relative_attention_bias", StringComparison.Ordinal))
        {
            return PositionLoudness;
        }

        if (name.Contains("token_embedding", StringComparison.Ordinal) || name.StartsWith("shared.", StringComparison.Ordinal))
            return EmbeddingLoudness;

        // T5 does not divide its attention scores by the root of the head size: its queries are quieter instead.
        var quiet = name.EndsWith("SelfAttention.q.weight", StringComparison.Ordinal) ? 1 / Math.Sqrt(32) : 1;
        return quiet / Math.Sqrt(parameter.shape[1]);
    }
}
