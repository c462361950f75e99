using System.Security.Cryptography;
using System.Text;
using FluxGrpc.Checkpoints;
using static TorchSharp.torch;

namespace FluxGrpc.Testing;

/// <summary>Seeded normal weights of a scale that keeps activations near 1. A tensor depends on its name, not on its neighbours.</summary>
internal sealed class RandomWeights(long seed)
{
    private const double BiasDeviation = 0.02;

    /// <summary>Makes a tensor's elements.</summary>
    public ReadOnlyMemory<byte> Make(TensorPlan plan)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(SeedOf(plan.Name), CPU);
        long[] shape = [.. plan.Shape];
        var values = IsNormScale(plan) ? ones(shape) : randn(shape, generator: generator).mul_(Deviation(plan));
        return values.to(ToTorch(plan.Type)).bytes.ToArray();
    }

    private static bool IsNormScale(TensorPlan plan) =>
        plan.Shape.Count == 1 && !plan.Name.EndsWith(".bias", StringComparison.Ordinal);

    private static double Deviation(TensorPlan plan)
    {
        if (plan.Shape.Count == 1)
            return BiasDeviation;
        if (plan.Name.Contains("embedding", StringComparison.Ordinal) || plan.Name is "shared.weight"
            || plan.Name.EndsWith("relative_attention_bias.weight", StringComparison.Ordinal))
        {
            return 1;
        }

        var inputs = plan.Shape.Skip(1).Aggregate(1.0, (product, dimension) => product * dimension);
        // T5 does not divide by the square root of the head size: its queries are smaller instead.
        return Math.Pow(inputs, plan.Name.EndsWith("SelfAttention.q.weight", StringComparison.Ordinal) ? -0.75 : -0.5);
    }

    private static ScalarType ToTorch(StorageType type) => type switch
    {
        StorageType.Float32 => ScalarType.Float32,
        StorageType.BFloat16 => ScalarType.BFloat16,
        StorageType.Float16 => ScalarType.Float16,
        _ => throw new ArgumentException($"Random weights are not made in {type}; allowed: Float32, BFloat16, Float16", nameof(type)),
    };

    private ulong SeedOf(string name) => BitConverter.ToUInt64(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{seed} {name}")));
}
