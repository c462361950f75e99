using FluxGrpc.Denoiser.Model;
using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using FluxGrpc.V1;
using TorchSharp.Modules;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>Transformers whose linear layers are rounded to int8, against the reference's numbers and through a service.</summary>
public sealed class Int8Tests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("transformer_dev", null, "float32")]
    [InlineData("transformer_dev", null, "bfloat16")]
    [InlineData("transformer_schnell", null, "float32")]
    [InlineData("transformer_dev", "fp8/transformer_dev_fp8_scaled.safetensors", "float32")]
    public void Rounded_layers_are_off_by_hundredths(string model, string? weights, string dtype)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var device = ComputeDevice.Open("cpu", dtype, weightType: "int8");
        using var exact = new GoldenTransformer(model, weights);
        using var rounded = new GoldenTransformer(model, device with { RoundedFrom = 0 }, weights);
        Assert.All(rounded.Module.modules().OfType<Linear>(), layer => Assert.True(Int8Weights.AreOf(layer)));
        var (input, type) = (exact.Input(), device.Type);

        var expected = exact.Module.call(input);
        var actual = rounded.Module.call(input with
        {
            Latents = input.Latents.to(type),
            HiddenStates = input.HiddenStates.to(type),
            Pooled = input.Pooled.to(type),
        }).to(ScalarType.Float32);

        Bounds.Check(output, $"{model} {weights} {dtype}", Difference.Relative(actual, expected), 0.04);
        Bounds.CheckMissed(output, "without rounding", Difference.Relative(actual, expected), 8e-3);
    }

    [Fact]
    public void Small_layers_stay_as_they_are()
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenTransformer("transformer_dev", ComputeDevice.Open("cpu", "float32", weightType: "int8"));
        Assert.DoesNotContain(golden.Module.modules().OfType<Linear>(), Int8Weights.AreOf);
    }

    [Fact]
    public async Task A_service_computes_large_layers_in_int8_and_says_so()
    {
        var wide = TransformerConfig.FluxDev with
        {
            InChannels = 16,
            OutChannels = 16,
            PooledSize = 64,
            ContextSize = 64,
            HiddenSize = 512,
            MlpSize = 2048,
            HeadCount = 4,
            DoubleBlockCount = 1,
            SingleBlockCount = 1,
        };
        var exact = await StepAsync(wide, "stored");
        var rounded = await StepAsync(wide, "int8");

        Assert.DoesNotContain("int8", exact.Info.ComputeKernels, StringComparison.Ordinal);
        Assert.EndsWith(" int8", rounded.Info.ComputeKernels, StringComparison.Ordinal);
        Assert.NotEqual(exact.Info.Fingerprint, rounded.Info.Fingerprint);
        Assert.Equal(exact.Info.ParameterCount, rounded.Info.ParameterCount);
        using var scope = NewDisposeScope();
        var error = Difference.Relative(tensor(rounded.Velocity), tensor(exact.Velocity));
        Bounds.Check(output, "through a service", error, 0.04);
        Bounds.CheckMissed(output, "without rounding", error, 5e-3);
    }

    private static async Task<(ComponentInfo Info, float[] Velocity)> StepAsync(TransformerConfig config, string weightType)
    {
        await using var server = await DenoiserFixture.StartAsync(
            TemporaryCheckpoint.Random(config), options => options.WeightDtype = weightType);
        var model = await server.Client.GetModelInfoAsync(new DenoiserServiceGetModelInfoRequest());
        var session = new RandomSession(model, grid: 4, textTokens: 8, steps: 1, seed: 1);
        using var call = await server.OpenAsync(session.Opening);
        return (model.Component, TensorMessage.ToFloats((await call.StepAsync(session.Step(0))).Velocity));
    }
}
