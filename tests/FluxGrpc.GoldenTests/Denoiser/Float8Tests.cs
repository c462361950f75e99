using FluxGrpc.Testing;
using FluxGrpc.Torch.Kernels;
using FluxGrpc.V1;
using TorchSharp.Modules;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>What can become of weights that are stored in float8, without scales and with them.</summary>
public sealed class Float8Tests(ITestOutputHelper output)
{
    public static TheoryData<string, string, string> Ways
    {
        get
        {
            var ways = new TheoryData<string, string, string>();
            foreach (var weights in new[] { "transformer_dev_fp8", "transformer_dev_fp8_scaled" })
            {
                foreach (var kernels in new[] { "plain", "fused", "onednn" })
                {
                    ways.Add(weights, kernels, "float32");
                    ways.Add(weights, kernels, "bfloat16");
                }
            }

            return ways;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Kept_weights_give_the_bytes_of_converted_ones(string weights, string kernels, string dtype)
    {
        var (converted, _) = Predict(weights, kernels, dtype, "convert");
        var (kept, layers) = Predict(weights, kernels, dtype, "keep");
        Assert.True(layers > 10, $"{layers} layers keep float8");
        using (converted)
        using (kept)
            Assert.Equal(0, Difference.MaxAbs(kept, converted));
    }

    [Theory]
    [InlineData("transformer_dev_fp8", "plain")]
    [InlineData("transformer_dev_fp8", "onednn")]
    [InlineData("transformer_dev_fp8_scaled", "plain")]
    [InlineData("transformer_dev_fp8_scaled", "onednn")]
    public void Products_in_float8_differ_by_the_rounding_of_their_inputs(string weights, string kernels)
    {
        using var exact = Predict(weights, kernels, "float32", "keep").Velocity;
        using var actual = Predict(weights, kernels, "float32", "multiply").Velocity;
        using var scope = NewDisposeScope();

        var error = Difference.Relative(actual, exact);

        // An input has four significant bits; what is off grows through four blocks.
        Bounds.Check(output, $"{weights}, {kernels}", error, 0.06);
        Bounds.CheckMissed(output, $"{weights}, {kernels}, without rounding", error, 1e-3);
    }

    [Fact]
    public async Task Replicas_that_keep_and_that_convert_are_one_model_and_one_that_multiplies_another()
    {
        var converted = await DescribeAsync("convert");
        var kept = await DescribeAsync("keep");
        var multiplied = await DescribeAsync("multiply");
        Assert.Equal(converted.Fingerprint, kept.Fingerprint);
        Assert.NotEqual(converted.Fingerprint, multiplied.Fingerprint);
        Assert.Equal("fused", kept.ComputeKernels);
        Assert.Equal("fused float8", multiplied.ComputeKernels);
    }

    private static async Task<ComponentInfo> DescribeAsync(string float8)
    {
        await using var server = await DenoiserFixture.StartAsync(
            new TemporaryCheckpoint("transformer_dev", "fp8/transformer_dev_fp8_scaled.safetensors"), options =>
            {
                options.Float8 = float8;
                options.Kernels = "fused";
            });
        return (await server.Client.GetModelInfoAsync(new DenoiserServiceGetModelInfoRequest())).Component;
    }

    /// <returns>The velocity in float32, and how many layers keep float8.</returns>
    private static (TorchSharp.torch.Tensor Velocity, int Layers) Predict(string weights, string kernels, string dtype, string float8)
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenTransformer("transformer_dev", $"fp8/{weights}.safetensors", kernels, dtype, float8);
        using var noGradients = no_grad();
        var type = dtype == "float32" ? ScalarType.Float32 : ScalarType.BFloat16;
        var input = golden.Input();
        var velocity = golden.Module.call(input with
        {
            Latents = input.Latents.to(type),
            HiddenStates = input.HiddenStates.to(type),
            Pooled = input.Pooled.to(type),
        });
        return (velocity.to(ScalarType.Float32).DetachFromDisposeScope(),
            golden.Module.modules().OfType<Linear>().Count(Float8Weights.AreOf));
    }
}
