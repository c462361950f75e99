using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using FluxGrpc.V1;
using TorchSharp.Modules;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>What linear layers can hold their weights in, of checkpoints in several types; float8 without scales and with them.</summary>
public sealed class WeightTypeTests(ITestOutputHelper output)
{
    public static TheoryData<string, string, string> Ways
    {
        get
        {
            var ways = new TheoryData<string, string, string>();
            foreach (var kernels in new[] { "plain", "fused", "onednn" })
            {
                foreach (var stored in new[] { "fp8", "fp8_scaled" })
                {
                    ways.Add(stored, kernels, "float32");
                    ways.Add(stored, kernels, "bfloat16");
                }

                ways.Add("bfloat16", kernels, "float32");
                ways.Add("float16", kernels, "float32");
            }

            return ways;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Kept_weights_give_the_bytes_of_converted_ones(string stored, string kernels, string dtype)
    {
        var (converted, none) = Predict(stored, kernels, dtype, "compute");
        var (kept, layers) = Predict(stored, kernels, dtype, "stored");
        Assert.Equal(0, none);
        Assert.True(layers > 10, $"{layers} layers keep their weights");
        using (converted)
        using (kept)
            Assert.Equal(0, Difference.MaxAbs(kept, converted));
    }

    [Theory]
    [InlineData("fp8", "plain")]
    [InlineData("fp8", "onednn")]
    [InlineData("fp8_scaled", "plain")]
    [InlineData("fp8_scaled", "onednn")]
    [InlineData("bfloat16", "plain")]
    [InlineData("bfloat16", "onednn")]
    public void Products_in_float8_differ_by_the_rounding_of_what_is_not(string stored, string kernels)
    {
        using var exact = Predict(stored, kernels, "float32", "stored").Velocity;
        using var actual = Predict(stored, kernels, "float32", "float8").Velocity;
        using var scope = NewDisposeScope();

        var error = Difference.Relative(actual, exact);

        // Inputs have four significant bits, and so have the weights; what is off grows through four blocks.
        Bounds.Check(output, $"{stored}, {kernels}", error, 0.08);
        Bounds.CheckMissed(output, $"{stored}, {kernels}, without rounding", error, 1e-3);
    }

    [Fact]
    public async Task Replicas_that_keep_and_that_convert_are_one_model_and_one_that_multiplies_another()
    {
        var converted = await DescribeAsync("compute");
        var kept = await DescribeAsync("stored");
        var multiplied = await DescribeAsync("float8");
        Assert.Equal(converted.Fingerprint, kept.Fingerprint);
        Assert.NotEqual(converted.Fingerprint, multiplied.Fingerprint);
        Assert.Equal("fused", kept.ComputeKernels);
        Assert.Equal("fused float8", multiplied.ComputeKernels);
    }

    private static async Task<ComponentInfo> DescribeAsync(string weightType)
    {
        await using var server = await DenoiserFixture.StartAsync(
            new TemporaryCheckpoint("transformer_dev", "fp8/transformer_dev_fp8_scaled.safetensors"), options =>
            {
                options.WeightDtype = weightType;
                options.Kernels = "fused";
            });
        return (await server.Client.GetModelInfoAsync(new DenoiserServiceGetModelInfoRequest())).Component;
    }

    /// <param name="stored">"bfloat16", "float16", "fp8" or "fp8_scaled".</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="dtype">In which type.</param>
    /// <param name="weightType">What linear layers hold their weights in; small ones are rounded too.</param>
    /// <returns>The velocity in float32, and how many layers hold their weights in a narrower type.</returns>
    private static (TorchSharp.torch.Tensor Velocity, int Layers) Predict(string stored, string kernels, string dtype, string weightType)
    {
        using var scope = NewDisposeScope();
        var device = ComputeDevice.Open("cpu", dtype, kernels, weightType) with { RoundedFrom = 0 };
        var type = device.Type;
        using var golden = new GoldenTransformer("transformer_dev", device, stored switch
        {
            "bfloat16" => TemporaryCheckpoint.Stored("transformer_dev", ScalarType.BFloat16),
            "float16" => TemporaryCheckpoint.Stored("transformer_dev", ScalarType.Float16),
            _ => new TemporaryCheckpoint("transformer_dev", $"fp8/transformer_dev_{stored}.safetensors"),
        });
        using var noGradients = no_grad();
        var input = golden.Input();
        var velocity = golden.Module.call(input with
        {
            Latents = input.Latents.to(type),
            HiddenStates = input.HiddenStates.to(type),
            Pooled = input.Pooled.to(type),
        });
        return (velocity.to(ScalarType.Float32).DetachFromDisposeScope(),
            golden.Module.modules().OfType<Linear>().Count(layer => KeptWeights.AreOf(layer, type)));
    }
}
