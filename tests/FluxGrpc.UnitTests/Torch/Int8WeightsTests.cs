using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using NativeTensor = TorchSharp.torch.Tensor;

namespace FluxGrpc.UnitTests.Torch;

/// <summary>Linear layers that are rounded to int8 and computed in it.</summary>
public sealed class Int8WeightsTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly IDisposable _noGradients = no_grad();
    private readonly ComputeKernels _kernels = ComputeDevice.Open("cpu", "float32", weightType: "int8").Kernels;

    public Int8WeightsTests() => manual_seed(1);

    public static TheoryData<int, int, int, bool> Sizes => new()
    {
        { 1, 8, 8, true }, { 1, 512, 264, false }, { 3, 64, 128, true }, { 17, 1024, 96, true }, { 64, 512, 512, false },
        { 300, 264, 1024, true },
    };

    public void Dispose()
    {
        _noGradients.Dispose();
        _scope.Dispose();
    }

    /// <summary>
    /// Evenly drawn numbers have the largest codes: a library that adds two products in 16 bits would cut off one in thirty of them, did
    /// the weights not leave room.
    /// </summary>
    [Theory]
    [MemberData(nameof(Sizes))]
    public void Sums_are_those_of_the_rounded_numbers(int rows, int inputs, int outputs, bool hasBias)
    {
        foreach (var offset in new[] { 0f, 0.7f, -2f }) // All of one sign too.
        {
            var x = rand(2, rows, inputs) * 2 - 1 + offset;
            var weight = rand(outputs, inputs) * 2 - 1 + offset / 2;
            var layer = Layer(weight, hasBias);
            var expected = nn.functional.linear(
                RoundedInputs(x), RoundedWeight(weight), layer.bias?.to(ScalarType.Float64));

            var y = _kernels.Linear(layer, x);

            Assert.Equal([2, rows, outputs], y.shape);
            Assert.Equal(ScalarType.Float32, y.dtype);
            Assert.InRange(Difference.Relative(y, expected), 0, 2e-6);
        }
    }

    [Fact]
    public void A_product_is_off_by_a_hundredth_or_so()
    {
        var (x, weight) = (randn(64, 1024), randn(512, 1024));
        var exact = nn.functional.linear(x, weight);
        Assert.InRange(Difference.Relative(_kernels.Linear(Layer(weight), x), exact), 5e-3, 0.02);
    }

    [Fact]
    public void Bfloat16_goes_in_and_comes_out_and_gelu_follows()
    {
        var (x, weight) = (randn(40, 256), randn(128, 256) / 16);
        var layer = Layer(weight, type: ScalarType.BFloat16);
        var exact = nn.functional.linear(x, weight, layer.bias!.to(ScalarType.Float32));

        var (y, activated) = (_kernels.Linear(layer, x.bfloat16()), _kernels.LinearGelu(layer, x.bfloat16()));

        Assert.Equal((ScalarType.BFloat16, ScalarType.BFloat16), (y.dtype, activated.dtype));
        Assert.InRange(Difference.Relative(y, exact), 5e-3, 0.02);
        Assert.InRange(Difference.Relative(activated, nn.functional.gelu(exact, GELU.Approximate.tanh)), 5e-3, 0.02);
    }

    [Fact]
    public void A_weight_in_bfloat16_is_rounded_as_it_is_in_float32()
    {
        var (x, weight) = (randn(5, 256), randn(64, 256).bfloat16());
        var (narrow, wide) = (Layer(weight, hasBias: false), Layer(weight.to(ScalarType.Float32), hasBias: false));
        Assert.Equal(0, Difference.MaxAbs(_kernels.Linear(narrow, x), _kernels.Linear(wide, x)));
    }

    [Fact]
    public void Large_elements_of_a_token_cost_the_others_nothing()
    {
        var (x, weight) = (randn(1, 3, 256), randn(64, 256));
        var layer = Layer(weight);
        var before = _kernels.Linear(layer, x);
        x[0, 1, 7] = 1e6f;
        var after = _kernels.Linear(layer, x);
        Assert.Equal(before[0, 0].data<float>().ToArray(), after[0, 0].data<float>().ToArray());
        Assert.Equal(before[0, 2].data<float>().ToArray(), after[0, 2].data<float>().ToArray());
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void What_is_no_number_stays_so_in_its_token_alone(float value)
    {
        var x = randn(3, 64);
        x[1, 5] = value;
        var y = _kernels.Linear(Layer(randn(16, 64)), x);
        Assert.True(y[0].isfinite().all().item<bool>() && y[2].isfinite().all().item<bool>());
        Assert.False(y[1].isfinite().any().item<bool>());
    }

    [Fact]
    public void Zeros_give_the_bias()
    {
        var layer = Layer(randn(16, 64));
        Assert.Equal(layer.bias!.data<float>().ToArray(), _kernels.Linear(layer, zeros(2, 64))[1].data<float>().ToArray());
        var nothing = Layer(zeros(16, 64));
        Assert.Equal(nothing.bias!.data<float>().ToArray(), _kernels.Linear(nothing, randn(1, 64))[0].data<float>().ToArray());
    }

    [Theory]
    [InlineData(8, 8, true)]
    [InlineData(12, 8, false)]
    [InlineData(8, 12, false)]
    public void Sizes_that_vectors_do_not_divide_are_left_alone(long outputs, long inputs, bool expected) =>
        Assert.Equal(expected, Int8Weights.Take([outputs, inputs]));

    [Fact]
    public void Plain_kernels_have_none()
    {
        var error = Assert.Throws<ArgumentException>(() => ComputeDevice.Open("cpu", "float32", "plain", "int8"));
        Assert.Equal("kernels 'plain' have no int8; allowed with it: auto, fused, onednn", error.Message);
    }

    [Fact]
    public void It_is_for_the_cpu()
    {
        var error = Assert.Throws<ArgumentException>(() => ComputeKernels.For(DeviceType.CUDA, "auto", WeightType.Int8));
        Assert.Equal("int8 is for the CPU, and the device is CUDA", error.Message);
    }

    [Fact]
    public void Its_name_tells() =>
        Assert.Equal(["fused int8", "onednn int8"], new[] { "fused", "onednn" }.Select(name =>
            ComputeDevice.Open("cpu", "float32", name, "int8").Kernels.Name));

    private static Linear Layer(NativeTensor weight, bool hasBias = true, ScalarType type = ScalarType.Float32)
    {
        var layer = nn.Linear(weight.shape[1], weight.shape[0], hasBias, dtype: type);
        foreach (var parameter in layer.parameters())
            parameter.requires_grad = false;
        layer.weight = Int8Weights.Round(layer, weight);
        return layer;
    }

    /// <summary>In each row the codes 0 to 255 span its elements and 0.</summary>
    private static NativeTensor RoundedInputs(NativeTensor x)
    {
        var (low, high) = (x.amin([-1], keepdim: true).clamp_max(0), x.amax([-1], keepdim: true).clamp_min(0));
        var step = (high - low) / 255;
        var zero = (-low * (1 / step)).round();
        return (((x * (1 / step)).round() + zero).clamp(0, 255) - zero).to(ScalarType.Float64) * step;
    }

    /// <summary>In each row the largest sum of one sign of a pair of elements is 127 steps.</summary>
    private static NativeTensor RoundedWeight(NativeTensor weight)
    {
        var pairs = weight.view(weight.shape[0], -1, 2);
        var step = maximum(pairs.clamp_min(0).sum(-1), pairs.clamp_max(0).sum(-1).neg()).amax([-1], keepdim: true) / 127;
        return (weight * (1 / step)).round().to(ScalarType.Float64) * step;
    }
}
