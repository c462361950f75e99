using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>First weights of the transformer and the text encoders: each layer keeps the loudness of its input.</summary>
internal static class FlowInitialization
{
    private const double EmbeddingLoudness = 0.5;
    private const double PositionLoudness = 0.1;
    private const float NearestBias = 2;
    private const float FarthestBias = -3;

    /// <summary>Replaces the weights of a module.</summary>
    public static void Apply(nn.Module module, Generator generator)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in module.named_parameters())
        {
            using Scalar value = parameter.dim() > 1 ? Deviation(name, parameter)
                : name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1;
            if (IsPositionBias(name))
                parameter.copy_(tensor(PositionBias((int)parameter.shape[0], (int)parameter.shape[1])));
            else if (parameter.dim() > 1)
                parameter.copy_(randn(parameter.shape, generator: generator) * value);
            else
                parameter.fill_(value); // TorchSharp leaves norms uninitialised.
        }
    }

    private static bool IsPositionBias(string name) => name.EndsWith("relative_attention_bias.weight", StringComparison.Ordinal);

    private static double Deviation(string name, Tensor parameter)
    {
        // Blocks begin as identities and the velocity as zero: modulations and the last layer learn from nothing.
        if (name.Contains("mod.lin", StringComparison.Ordinal) || name.Contains("modulation.", StringComparison.Ordinal)
            || name.StartsWith("final_layer.", StringComparison.Ordinal))
        {
            return 0;
        }

        if (name.Contains("position_embedding", StringComparison.Ordinal))
            return PositionLoudness;

        if (name.Contains("token_embedding", StringComparison.Ordinal) || name.StartsWith("shared.", StringComparison.Ordinal))
            return EmbeddingLoudness;

        // T5 does not divide its attention scores by the root of the head size: its queries are quieter instead.
        var quiet = name.EndsWith("SelfAttention.q.weight", StringComparison.Ordinal) ? 1 / Math.Sqrt(32) : 1;
        return quiet / Math.Sqrt(parameter.shape[1]);
    }

    /// <summary>
    /// T5's bias of distances [buckets, heads]: of each four heads one looks at what comes before, one at what comes after, one
    /// around, falling off with the distance (ALiBi, Press et al. 2022), and one everywhere. Small random values stayed small for
    /// 37,000 steps, and all that time it was left to chance which color and side goes with which figure.
    /// </summary>
    private static float[,] PositionBias(int buckets, int heads)
    {
        var bias = new float[buckets, heads];
        for (var bucket = 0; bucket < buckets; bucket++)
        {
            var (isAfter, distance) = (bucket >= buckets / 2, bucket % (buckets / 2));
            for (var head = 0; head < heads; head++)
            {
                bias[bucket, head] = (head % 4) switch
                {
                    0 => isAfter ? FarthestBias : FallingOff(distance),
                    1 => isAfter || distance == 0 ? FallingOff(distance) : FarthestBias,
                    2 => FallingOff(distance / 2f),
                    _ => 0,
                };
            }
        }

        return bias;

        static float FallingOff(float distance) => Math.Max(FarthestBias, NearestBias - distance);
    }
}
