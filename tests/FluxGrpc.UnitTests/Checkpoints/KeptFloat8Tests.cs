using System.Runtime.Intrinsics.X86;
using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Checkpoints;

/// <summary>Linear layers that keep weights as they are stored in float8.</summary>
public sealed class KeptFloat8Tests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Diffusers stores queries, keys and values apart, each with a scale.</summary>
    [Theory]
    [InlineData("float32")]
    [InlineData("bfloat16")]
    public void Layers_put_together_of_several_have_a_scale_for_each_row(string dtype)
    {
        using var noGradients = no_grad();
        using var checkpoint = Checkpoint.Open(WriteScaled(), ModelComponent.Transformer);
        using var converted = Load(checkpoint, dtype, "convert");
        using var kept = Load(checkpoint, dtype, "keep");

        var pairs = converted.modules().OfType<Linear>().Zip(kept.modules().OfType<Linear>()).ToArray();
        Assert.All(pairs, pair => Assert.True(Float8Weights.AreOf(pair.Second)));
        Assert.Contains(pairs, pair => Float8Weights.ScaleOf(pair.Second)!.numel() == pair.Second.weight!.shape[0]);
        Assert.Contains(pairs, pair => Float8Weights.ScaleOf(pair.Second)!.numel() == 1);
        foreach (var (first, second) in pairs)
        {
            using var widened = Float8Weights.Widen(second, first.weight!.dtype);
            Assert.Equal(0, Difference.MaxAbs(widened, first.weight));
        }
    }

    [Fact]
    public void A_product_in_float8_applies_a_scale_for_each_row()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var checkpoint = Checkpoint.Open(WriteScaled(), ModelComponent.Transformer);
        using var kept = Load(checkpoint, "float32", "keep");
        var layer = kept.modules().OfType<Linear>().First(layer => Float8Weights.ScaleOf(layer)!.numel() > 1);
        manual_seed(1);
        var x = randn(2, 24, layer.weight!.shape[1]);

        var exact = ComputeKernels.Plain.Linear(layer, x);
        var actual = new PlainKernels(multipliesFloat8: true).Linear(layer, x);

        Assert.Equal(exact.shape, actual.shape);
        Assert.InRange(Difference.Relative(actual, exact), 1e-3, 0.04);
    }

    [Fact]
    public void Few_rows_and_odd_sizes_are_widened()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var multiplying = new PlainKernels(multipliesFloat8: true);
        foreach (var (rows, inputs, outputs) in new[] { (1L, 32L, 32L), (32L, 24L, 32L), (32L, 32L, 24L) })
        {
            var layer = nn.Linear(inputs, outputs);
            layer.weight = new Parameter(layer.weight!.to(Float8Weights.Type), requires_grad: false);
            var x = randn(rows, inputs);
            Assert.Equal(0, Difference.MaxAbs(multiplying.Linear(layer, x), ComputeKernels.Plain.Linear(layer, x)));
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Every_code_widens_as_libtorch_widens_it(ScalarType type)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var path = _folder.PathOf("codes.safetensors");
        byte[] codes = [.. Enumerable.Range(0, 256).Select(code => (byte)code)];
        SafetensorsWriter.Write(path, [new TensorContent("codes", StorageType.Float8E4M3Fn, [2, 128], codes)]);
        using var file = SafetensorsFile.Open(path);
        var stored = file.View("codes");
        var layer = nn.Linear(128, 2, device: META);
        layer.weight = new Parameter(stored.alias(), requires_grad: false);
        foreach (var scale in new float?[] { null, 0.0123f })
        {
            var expected = stored.to(type);
            if (scale is { } factor)
            {
                Float8Weights.SetScale(layer, tensor([factor]));
                expected.mul_(tensor([factor]));
            }

            var actual = Float8Weights.Widen(layer, type);
            Assert.Equal(type, actual.dtype);
            Assert.Equal(expected.isnan().data<bool>().ToArray(), actual.isnan().data<bool>().ToArray());
            Assert.Equal(expected.nan_to_num().bytes.ToArray(), actual.nan_to_num().bytes.ToArray());
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32, false, true)]
    [InlineData(ScalarType.Float32, true, false)]
    [InlineData(ScalarType.BFloat16, false, false)]
    public void A_sample_is_the_same_in_any_batch_only_where_float32_is_computed_in(ScalarType type, bool multiplies, bool expected)
    {
        using var noGradients = no_grad();
        var layer = nn.Linear(16, 16, hasBias: false);
        layer.weight = new Parameter(layer.weight!.to(Float8Weights.Type), requires_grad: false);
        using var model = nn.Sequential(layer, nn.LayerNorm(16, dtype: type));
        Assert.Equal(expected && Fma.IsSupported, new ProcessorKernels(oneDnn: false, multiplies).IsBatchInvariant(model));
    }

    [Fact]
    public void An_unknown_use_is_refused_by_name()
    {
        var error = Assert.Throws<ArgumentException>(() => ComputeDevice.Open("cpu", "float32", float8: "half"));
        Assert.Contains("'half' is unknown; allowed: auto, convert, keep, multiply", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void On_the_cpu_weights_are_converted_by_default() =>
        Assert.False(ComputeDevice.Open("cpu", "float32").KeepsFloat8);

    private static FluxTransformer Load(Checkpoint checkpoint, string dtype, string float8)
    {
        var device = ComputeDevice.Open("cpu", dtype, "plain", float8);
        var transformer = new FluxTransformer(TransformerConfigReader.Read(checkpoint), META, device.Kernels);
        checkpoint.LoadInto(transformer, device);
        return transformer;
    }

    /// <summary>The golden transformer under diffusers' names, each matrix in float8 with a scale of its own.</summary>
    private string WriteScaled()
    {
        var (exact, scaled) = (_folder.PathOf("exact.safetensors"), _folder.PathOf("scaled.safetensors"));
        using (var golden = GoldenFolder.Open("transformer_dev.safetensors"))
            DiffusersCheckpoint.WriteTransformer(exact, golden, hidden: 64);
        File.WriteAllText(_folder.PathOf("config.json"), GoldenFolder.Config("transformer_dev").GetRawText());
        ScaledFloat8File.Write(exact, scaled);
        return scaled;
    }
}
