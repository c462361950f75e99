using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using TorchSharp;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>The transformers' output and every stage inside, against the reference's numbers.</summary>
public sealed class TransformerGoldenTests(ITestOutputHelper output)
{
    private static readonly string[] _tensors =
    [
        "debug.img_in", "debug.txt_in", "debug.pe", "debug.vec",
        "debug.double.0.img", "debug.double.0.txt", "debug.double.1.img", "debug.double.1.txt",
        "debug.single.0", "debug.single.1", "debug.single.2", "out",
    ];

    public static TheoryData<string, string, string> Tensors()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var model in new[] { "transformer_dev", "transformer_schnell" })
        {
            foreach (var kernels in new[] { "plain", "fused", "onednn" })
            {
                foreach (var name in _tensors)
                    data.Add(model, kernels, name);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Tensors))]
    public void Each_stage_matches_the_reference(string model, string kernels, string name)
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenTransformer(model, kernels: kernels);

        var actual = TransformerTrace.Run(golden.Module, golden.Input())[name];

        Bounds.Check(output, $"{model}, {kernels}: {name}", Difference.MaxAbs(actual, golden.Io[name]), Bounds.Of(model, name));
    }

    /// <summary>On the CPU, which has the same operators.</summary>
    [Theory]
    [InlineData("transformer_dev")]
    [InlineData("transformer_schnell")]
    public void What_a_gpu_computes_with_matches_the_reference(string model)
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenTransformer(model,
            ComputeDevice.Open("cpu", "float32") with { Kernels = ComputeKernels.For(DeviceType.CUDA, ComputeKernels.Auto) });

        var actual = TransformerTrace.Run(golden.Module, golden.Input());

        foreach (var name in _tensors)
            Bounds.Check(output, $"{model}: {name}", Difference.MaxAbs(actual[name], golden.Io[name]), Bounds.Of(model, name));
    }

    [Fact]
    public void The_files_hold_no_stage_that_is_not_compared()
    {
        using var golden = new GoldenTransformer("transformer_dev");
        var outputs = golden.Io.Names.Where(name => name == "out" || name.StartsWith("debug.", StringComparison.Ordinal));
        Assert.Equal(_tensors.Order(), outputs.Order());
    }

    [Theory]
    [InlineData("transformer_dev_fp8", "fp8_plain.out")]
    [InlineData("transformer_dev_fp8_scaled", "fp8_scaled.out")]
    public void Float8_weights_give_the_references_output(string weights, string name)
    {
        using var scope = NewDisposeScope();
        using var golden = new GoldenTransformer("transformer_dev", $"fp8/{weights}.safetensors");
        using var expected = GoldenFolder.Open("fp8/fp8_io.safetensors");
        using var noGradients = no_grad();
        var both = golden.Input();
        var first = both with
        {
            Latents = both.Latents[..1],
            HiddenStates = both.HiddenStates[..1],
            Pooled = both.Pooled[..1],
            Timesteps = both.Timesteps[..1],
            Guidance = both.Guidance![..1],
            Positions = both.Positions[..1],
        };

        var actual = golden.Module.call(first);

        Bounds.Check(output, name, Difference.MaxAbs(actual, expected[name]), Bounds.Of("fp8", name));
        var unquantised = golden.Io["out"][..1];
        Bounds.CheckMissed(output, $"{name} against unquantised weights",
            Difference.MaxAbs(actual, unquantised), Bounds.Of("fp8", name));
    }
}
