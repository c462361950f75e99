using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;
using NativeTensor = TorchSharp.torch.Tensor;

namespace FluxGrpc.UnitTests.Torch;

/// <summary>Small linear layers whose weight is put in order once.</summary>
public sealed class PackedLinearTests : IDisposable
{
    private const int Threads = 2;

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly IDisposable _inference;

    public PackedLinearTests()
    {
        NativeLibraries.EnsureLoaded();
        _inference = inference_mode();
        manual_seed(1);
    }

    // Fewer rows than a tile, a whole tile, one row more; one panel, five, and more than one thread's worth.
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 1, 1, 16 }, { 1, 160, 960 }, { 3, 7, 80 }, { 5, 64, 16 }, { 6, 24, 48 }, { 7, 24, 48 }, { 11, 33, 80 }, { 12, 33, 64 },
        { 13, 33, 64 }, { 64, 160, 480 }, { 88, 800, 160 }, { 1048, 24, 64 },
    };

    public void Dispose()
    {
        _inference.Dispose();
        _scope.Dispose();
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void The_product_is_the_one_in_float64_within_what_the_plain_way_is_off(int rows, int inputs, int outputs)
    {
        foreach (var hasBias in new[] { true, false })
        {
            var layer = Layer(inputs, outputs, hasBias);
            var x = randn(2, rows, inputs);
            var exact = nn.functional.linear(
                x.to(ScalarType.Float64), layer.weight.to(ScalarType.Float64), layer.bias?.to(ScalarType.Float64));

            var y = PackedLinear.Of(layer).Multiply(x, Threads);

            Assert.Equal([2, rows, outputs], y.shape);
            var allowed = Math.Max(4 * Off(layer.call(x), exact), 1e-6); // Added one after another, not in several sums.
            Assert.InRange(Off(y, exact), 0, allowed);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void A_row_is_the_same_to_the_last_bit_in_any_company_by_any_way(int rows, int inputs, int outputs)
    {
        var layer = Layer(inputs, outputs);
        var x = randn(rows, inputs);
        var expected = Enumerable.Range(0, rows)
            .Select(row => PackedLinear.Of(layer).Multiply(x.narrow(0, row, 1).clone(), threads: 1)).ToArray();

        foreach (var wide in new[] { false, true })
        {
            var packed = PackedLinear.Of(layer, wide);
            foreach (var threads in new[] { 1, Threads })
            {
                var y = packed.Multiply(x, threads);
                for (var row = 0; row < rows; row++)
                    Assert.True(y.narrow(0, row, 1).equal(expected[row]).all().item<bool>(), $"row {row}, wide {wide}, {threads} threads");
            }
        }
    }

    [Fact]
    public void Each_part_of_the_result_is_finished_once()
    {
        var packed = PackedLinear.Of(Layer(24, 80));
        foreach (var rows in new[] { 1, 5, 12, 41 })
        {
            var x = randn(rows, 24);

            var y = packed.Multiply(x, Threads, static (at, count) =>
            {
                unsafe
                {
                    foreach (ref var value in new Span<float>((void*)at, count))
                        value += 1000;
                }
            });

            Assert.Equal(0, Off(y, packed.Multiply(x, Threads) + 1000));
        }
    }

    [Fact]
    public void What_changes_or_is_large_or_does_not_fit_is_left_to_the_library()
    {
        Assert.True(PackedLinear.Takes(Layer(24, 48)));
        Assert.False(PackedLinear.Takes(Layer(24, 50)));
        Assert.False(PackedLinear.Takes(Layer(1024, 1024)));
        Assert.False(PackedLinear.Takes(Layer(24, 48).to(ScalarType.BFloat16)));
        using var training = inference_mode(false);
        Assert.False(PackedLinear.Takes(nn.Linear(24, 48))); // Its weight takes gradients.
    }

    [Theory]
    [InlineData("fused")]
    [InlineData("onednn")]
    public void A_layer_that_gets_another_weight_is_computed_with_it(string name)
    {
        var kernels = ComputeDevice.Open("cpu", "float32", name).Kernels;
        var layer = Layer(24, 48);
        var x = randn(7, 24);
        kernels.Linear(layer, x);
        var packed = PackedLinear.Of(layer);
        Assert.True(packed.IsOf(layer)); // Or it would be made anew each time.

        layer.weight = new Parameter(randn(48, 24), requires_grad: false);

        Assert.False(packed.IsOf(layer));
        Assert.InRange(Off(kernels.Linear(layer, x), layer.call(x)), 0, 1e-5);
    }

    [Fact]
    public void Only_models_all_of_whose_layers_are_small_are_batch_invariant()
    {
        var small = nn.Sequential(("a", Layer(24, 48)), ("b", Layer(48, 64)));
        var large = nn.Sequential(("a", Layer(24, 48)), ("b", Layer(48, 20)));

        Assert.True(new ProcessorKernels(oneDnn: false).IsBatchInvariant(small));
        Assert.False(new ProcessorKernels(oneDnn: false).IsBatchInvariant(large));
        Assert.False(ComputeKernels.Plain.IsBatchInvariant(small));
    }

    private static Linear Layer(int inputs, int outputs, bool hasBias = true)
    {
        var layer = nn.Linear(inputs, outputs, hasBias);
        foreach (var parameter in layer.parameters())
            parameter.requires_grad = false;
        return layer;
    }

    private static float Off(NativeTensor actual, NativeTensor expected) =>
        (actual - expected).abs().max().to(ScalarType.Float32).item<float>();
}
