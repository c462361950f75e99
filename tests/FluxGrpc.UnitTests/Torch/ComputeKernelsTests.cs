using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Torch;

/// <summary>Each way to compute against the plain one; bfloat16 against the plain one in float32, which knows better.</summary>
public sealed class ComputeKernelsTests : IDisposable
{
    /// <summary>What a GPU computes with, here on the CPU.</summary>
    private const string OfGpu = "fused, of a GPU";

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly IDisposable _inference = inference_mode();

    public ComputeKernelsTests() => manual_seed(1);

    public static TheoryData<string, string> Ways => new()
    {
        { "plain", "float32" }, { "plain", "bfloat16" },
        { "fused", "float32" }, { "fused", "bfloat16" },
        { "onednn", "float32" }, { "onednn", "bfloat16" },
        { OfGpu, "float32" }, { OfGpu, "bfloat16" },
    };

    public void Dispose()
    {
        _inference.Dispose();
        _scope.Dispose();
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Linear_layers(string kernels, string dtype)
    {
        var device = Open(kernels, dtype);
        foreach (var (rows, input, output) in new[] { (1, 24, 40), (3, 32, 20), (70, 64, 48), (513, 16, 12) })
        {
            var layer = nn.Linear(input, output).to(device.Type);
            var x = Random(device, 2, rows, input);

            AssertNear(device, kernel => kernel.Linear(layer, x), () => Exact(layer).call(Wide(x)));
            AssertNear(device, kernel => kernel.LinearGelu(layer, x), () => Gelu(Exact(layer).call(Wide(x))));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Features_beside_gated_ones(string kernels, string dtype)
    {
        var device = Open(kernels, dtype);
        foreach (var (width, middle) in new[] { (8, 16), (5, 8), (8, 12) })
        {
            var parts = Random(device, 2, 300, width + middle).split([width, middle], dim: -1);    // Rows with gaps.

            AssertNear(device, kernel => kernel.JoinGelu(parts[0], parts[1]), () => cat([Wide(parts[0]), Gelu(Wide(parts[1]))], -1));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Gelu_of_what_is_very_large_or_no_number(string kernels, string dtype)
    {
        var device = Open(kernels, dtype);
        var x = tensor([-1e30f, -100, -10, 0, 10, 100, 1e30f, float.NaN]).to(device.Type).reshape(1, 1, 8);

        var joined = device.Kernels.JoinGelu(x, x)[0, 0].to(ScalarType.Float32).data<float>().ToArray()[8..];

        Assert.Equal([0, 0, 0, 0, 10, 100], joined[..6].Select(value => MathF.Round(value, 3) + 0));
        Assert.InRange(joined[6], 0.99e30f, 1.01e30f);
        Assert.True(float.IsNaN(joined[7]));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Norm_and_modulation(string kernels, string dtype)
    {
        var device = Open(kernels, dtype);
        foreach (var (samples, size) in new[] { (1, 24), (3, 512), (2, 20) })
        {
            var x = 3 * Random(device, samples, 200, size) + 1;
            var vector = Random(device, samples, 1, 3 * size).chunk(3, dim: -1);

            AssertNear(device, kernel => kernel.NormModulate(x, vector[0], vector[1]),
                () => ComputeKernels.Plain.NormModulate(Wide(x), Wide(vector[0]), Wide(vector[1])));
            AssertNear(device, kernel => kernel.GatedSum(x, vector[2], x), () => Wide(x) + Wide(vector[2]) * Wide(x));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void What_T5_is_made_of(string kernels, string dtype)
    {
        var device = Open(kernels, dtype);
        foreach (var (tokens, size) in new[] { (5, 12), (8, 24), (200, 64) })
        {
            var x = 3 * Random(device, 2, tokens, size);
            var scale = Random(device, size);
            var (gate, layer) = (nn.Linear(size, 2 * size, false).to(device.Type), nn.Linear(size, 2 * size, false).to(device.Type));
            var scores = 4 * Random(device, 2, 3, tokens, tokens);
            var bias = 2 * randn(1, 3, tokens, tokens);

            AssertNear(device, kernel => kernel.ScaledRmsNorm(x, scale, 1e-6),
                () => ComputeKernels.Plain.ScaledRmsNorm(Wide(x), Wide(scale), 1e-6));
            AssertNear(device, kernel => kernel.GatedGelu(gate, layer, x),
                () => Gelu(Wide(x).matmul(Wide(gate.weight).t())) * Wide(x).matmul(Wide(layer.weight).t()));
            AssertNear(device, kernel => kernel.BiasedSoftmax(scores, bias), () => (Wide(scores) + bias).softmax(-1));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void What_pictures_go_through(string kernels, string dtype)
    {
        var device = Open(kernels, dtype);
        foreach (var (channels, groups, side) in new[] { (12, 3, 5), (32, 8, 40), (64, 1, 9) })
        {
            var picture = 2 * Random(device, 2, channels, side, side + 1) - 5; // Moments far from 0 and 1.
            var arranged = device.Kernels.ForConvolution(picture);
            var norm = nn.GroupNorm(groups, channels, 1e-6);
            norm.weight.copy_(randn(channels));
            norm.bias!.copy_(randn(channels));
            var exact = nn.functional.silu(norm.call(Wide(picture)));
            norm.to(device.Type);

            Assert.Equal(0, Difference.MaxAbs(Wide(arranged), Wide(picture)));
            AssertNear(device, kernel => kernel.NormSilu(norm, arranged), () => exact);
            AssertNear(device, kernel => kernel.NormSilu(norm, picture), () => exact);
            Assert.Equal(0, Difference.MaxAbs(Wide(arranged), Wide(picture))); // It stayed as it was.
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Larger_pictures(string kernels, string dtype)
    {
        var device = Open(kernels, dtype);
        foreach (var (input, output, side) in new[] { (3, 5, 1), (12, 12, 5), (16, 32, 20) })
        {
            var picture = Random(device, 2, input, side, side + 1);
            var arranged = device.Kernels.ForConvolution(picture);
            var layer = nn.Conv2d(input, output, kernel_size: 3, padding: 1);
            var exact = layer.call(nn.functional.interpolate(Wide(picture), scale_factor: [2, 2], mode: InterpolationMode.Nearest));
            layer.to(device.Type);

            AssertNear(device, kernel => kernel.UpsampleConvolution(layer, arranged), () => exact);
            AssertNear(device, kernel => kernel.UpsampleConvolution(layer, picture), () => exact);
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Attention_over_heads(string kernels, string dtype)
    {
        var device = Open(kernels, dtype);
        foreach (var (tokens, size) in new[] { (5, 16), (600, 16), (600, 64) })
        {
            var heads = new QueryKeyValue(
                Random(device, 2, 2, tokens, size), Random(device, 2, 2, tokens, size), Random(device, 2, 2, tokens, size));

            AssertNear(device, kernel => kernel.Attention(heads), () => Attention(heads));
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Joint_attention_of_text_and_image(string kernels, string dtype)
    {
        var device = Open(kernels, dtype);
        (int Text, int Side, long[] Axes, int Positions)[] cases =
            [(3, 4, [4, 6, 6], 1), (100, 21, [8, 12, 12], 2), (100, 21, [16, 24, 24], 2), (2, 3, [2, 4, 4], 1)];
        foreach (var (text, side, axes, positions) in cases)
        {
            var size = axes.Sum();
            var turns = Rope.Table(Rope.Positions(text, side, side).expand(positions, -1, -1), axes, 10_000);
            HeadProjection Stream(long tokens) => new(
                Random(device, 2, tokens, 3 * 2 * size + 8).narrow(2, 0, 3 * 2 * size), Random(device, size), Random(device, size));
            HeadProjection[] streams = [Stream(text), Stream(side * side)];
            var wide = streams.Select(stream => new HeadProjection(
                Wide(stream.Joined), Wide(stream.QueryScale), Wide(stream.KeyScale))).ToArray();

            AssertNear(device, kernel => kernel.JointAttention(streams, turns), () =>
            {
                var heads = wide.Select(Normed).Aggregate(QueryKeyValue.Join);
                return Attention(heads with { Query = PlainKernels.Turn(heads.Query, turns), Key = PlainKernels.Turn(heads.Key, turns) });
            });
        }
    }

    [Fact]
    public void They_are_chosen_by_name()
    {
        Assert.Equal("plain", ComputeDevice.Open("cpu", "float32", "plain").Kernels.Name);
        Assert.Equal("fused", ComputeDevice.Open("cpu", "float32", "fused").Kernels.Name);
        Assert.Equal("onednn", ComputeDevice.Open("cpu", "float32", "onednn").Kernels.Name);
        Assert.Equal(Processor.IsAmd ? "onednn" : "fused", ComputeDevice.Open("cpu", "float32").Kernels.Name);
        Assert.IsType<JoinedOperators>(ComputeKernels.For(DeviceType.CUDA, "auto"));
        Assert.Equal("fused", ComputeKernels.For(DeviceType.CUDA, "fused").Name);
        Assert.Equal("fused float8", ComputeKernels.For(DeviceType.CUDA, "auto", WeightType.Float8).Name);
        Assert.Contains("allowed: auto, plain, fused",
            Assert.Throws<ArgumentException>(() => ComputeKernels.For(DeviceType.CUDA, "onednn")).Message, StringComparison.Ordinal);
        Assert.Contains("'fast' are unknown; allowed: auto, plain, fused, onednn",
            Assert.Throws<ArgumentException>(() => ComputeKernels.For(DeviceType.CPU, "fast")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Operands_of_several_types_are_computed_the_plain_way()
    {
        var kernels = ComputeKernels.For(DeviceType.CUDA, ComputeKernels.Auto);
        var (x, wide) = (randn(1, 3, 16).bfloat16(), randn(1, 1, 16));
        foreach (var compute in new Func<ComputeKernels, torch.Tensor>[]
                 {
                     of => of.ScaledRmsNorm(x, wide[0, 0], 1e-6), of => of.NormModulate(x, wide, wide),
                 })
        {
            var (actual, expected) = (compute(kernels), compute(ComputeKernels.Plain));
            Assert.Equal(expected.dtype, actual.dtype);
            Assert.Equal(0, Difference.MaxAbs(actual.to(ScalarType.Float32), expected.to(ScalarType.Float32)));
        }
    }

    /// <summary>Fused computation has no gradient; training would go wrong in silence.</summary>
    [Fact]
    public void What_is_to_be_trained_is_computed_the_plain_way()
    {
        using var training = inference_mode(false);
        using var gradients = enable_grad();
        var kernels = new ProcessorKernels(oneDnn: true);
        var x = randn(1, 600, 16); // Has no gradient itself; the layer's weight and the vector have.
        var vector = randn(1, 1, 16, requires_grad: true);
        var layer = nn.Linear(16, 48);
        var turns = Rope.Table(Rope.Positions(0, 1, 600), [4, 4, 8], 10_000);

        var projection = kernels.Linear(layer, kernels.NormModulate(x, vector, vector));
        var y = kernels.JointAttention([new(projection, vector[0, 0], vector[0, 0])], turns);
        kernels.JoinGelu(y, kernels.LinearGelu(layer, kernels.GatedSum(x, vector, y))).sum().backward();

        Assert.NotEqual(0, vector.grad!.abs().sum().item<float>());
        Assert.NotEqual(0, layer.weight.grad!.abs().sum().item<float>());
    }

    private static ComputeDevice Open(string kernels, string dtype) => kernels == OfGpu
        ? ComputeDevice.Open("cpu", dtype) with { Kernels = ComputeKernels.For(DeviceType.CUDA, ComputeKernels.Auto) }
        : ComputeDevice.Open("cpu", dtype, kernels);

    private static void AssertNear(ComputeDevice device, Func<ComputeKernels, torch.Tensor> compute, Func<torch.Tensor> exact)
    {
        using var scope = NewDisposeScope();
        var (actual, expected) = (compute(device.Kernels), exact());
        Assert.Equal(device.Type, actual.dtype);
        Assert.Equal(expected.shape, actual.shape);
        var error = Difference.MaxAbs(actual.to(ScalarType.Float32), expected);
        if (device.Type == ScalarType.Float32)
            Assert.InRange(error, 0, 2e-5);
        else
            Assert.InRange(error, 0, 2 * Difference.MaxAbs(compute(ComputeKernels.Plain).to(ScalarType.Float32), expected));
    }

    private static QueryKeyValue Normed(HeadProjection stream)
    {
        var heads = QueryKeyValue.Split(stream.Joined, stream.HeadSize);
        return heads with
        {
            Query = PlainKernels.RmsNorm(heads.Query, stream.QueryScale),
            Key = PlainKernels.RmsNorm(heads.Key, stream.KeyScale),
        };
    }

    private static torch.Tensor Attention(QueryKeyValue heads)
    {
        var scores = Wide(heads.Query).matmul(Wide(heads.Key).transpose(2, 3)) / Math.Sqrt(heads.Query.shape[3]);
        return scores.softmax(-1).matmul(Wide(heads.Value)).transpose(1, 2).flatten(2);
    }

    private static torch.Tensor Gelu(torch.Tensor x) => nn.functional.gelu(x, TorchSharp.Modules.GELU.Approximate.tanh);

    private static TorchSharp.Modules.Linear Exact(TorchSharp.Modules.Linear layer)
    {
        var (output, input) = (layer.weight.shape[0], layer.weight.shape[1]);
        var exact = nn.Linear(input, output);
        exact.weight.copy_(layer.weight);
        exact.bias!.copy_(layer.bias!);
        return exact;
    }

    private static torch.Tensor Random(ComputeDevice device, params long[] shape) => randn(shape).to(device.Type);

    private static torch.Tensor Wide(torch.Tensor x) => x.to(ScalarType.Float32);
}
