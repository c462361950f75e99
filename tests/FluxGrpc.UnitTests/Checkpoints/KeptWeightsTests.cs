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

/// <summary>Linear layers that hold their weights as they are stored, or rounded to float8.</summary>
public sealed class KeptWeightsTests : IDisposable
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
        using var converted = Load(checkpoint, dtype, "compute");
        using var kept = Load(checkpoint, dtype, "stored");

        var pairs = converted.modules().OfType<Linear>().Zip(kept.modules().OfType<Linear>()).ToArray();
        Assert.All(pairs, pair => Assert.True(Float8Weights.AreOf(pair.Second)));
        Assert.Contains(pairs, pair => Float8Weights.ScaleOf(pair.Second)!.numel() == pair.Second.weight!.shape[0]);
        Assert.Contains(pairs, pair => Float8Weights.ScaleOf(pair.Second)!.numel() == 1);
        foreach (var (first, second) in pairs)
        {
            using var widened = KeptWeights.Widen(second, first.weight!.dtype);
            Assert.Equal(0, Difference.MaxAbs(widened, first.weight));
        }
    }

    [Fact]
    public void A_product_in_float8_applies_a_scale_for_each_row()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var checkpoint = Checkpoint.Open(WriteScaled(), ModelComponent.Transformer);
        using var kept = Load(checkpoint, "float32", "stored");
        var layer = kept.modules().OfType<Linear>().First(layer => Float8Weights.ScaleOf(layer)!.numel() > 1);
        manual_seed(1);
        var x = randn(2, 24, layer.weight!.shape[1]);

        var exact = ComputeKernels.Plain.Linear(layer, x);
        var actual = new PlainKernels(WeightType.Float8).Linear(layer, x);

        Assert.Equal(exact.shape, actual.shape);
        Assert.InRange(Difference.Relative(actual, exact), 1e-3, 0.04);
    }

    [Fact]
    public void Few_rows_and_odd_sizes_are_widened()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var multiplying = new PlainKernels(WeightType.Float8);
        foreach (var (rows, inputs, outputs) in new[] { (1L, 32L, 32L), (32L, 24L, 32L), (32L, 32L, 24L) })
        {
            var layer = nn.Linear(inputs, outputs);
            layer.weight = new Parameter(layer.weight!.to(Float8Weights.Type), requires_grad: false);
            var x = randn(rows, inputs);
            Assert.Equal(0, Difference.MaxAbs(multiplying.Linear(layer, x), ComputeKernels.Plain.Linear(layer, x)));
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32, 2)]
    [InlineData(ScalarType.BFloat16, 2)]
    [InlineData(ScalarType.BFloat16, 64)] // Rows of four, which no vector takes.
    public void Every_code_widens_as_libtorch_widens_it(ScalarType type, long rows)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var path = _folder.PathOf("codes.safetensors");
        byte[] codes = [.. Enumerable.Range(0, 256).Select(code => (byte)code)];
        SafetensorsWriter.Write(path, [new TensorContent("codes", StorageType.Float8E4M3Fn, [rows, 256 / rows], codes)]);
        using var file = SafetensorsFile.Open(path);
        var stored = file.View("codes");
        foreach (var scale in new[] { null, tensor([0.0123f]), linspace(-0.02, 3.7, rows).view(rows, 1) })
        {
            var layer = nn.Linear(256 / rows, rows, device: META);
            layer.weight = new Parameter(stored.alias(), requires_grad: false);
            var expected = stored.to(type);
            if (scale is not null)
            {
                Float8Weights.SetScale(layer, scale);
                expected.mul_(scale);
            }

            var actual = KeptWeights.Widen(layer, type);
            Assert.Equal(type, actual.dtype);
            Assert.Equal(expected.isnan().data<bool>().ToArray(), actual.isnan().data<bool>().ToArray());
            Assert.Equal(expected.nan_to_num().bytes.ToArray(), actual.nan_to_num().bytes.ToArray());
        }
    }

    [Theory]
    [InlineData(Float8Weights.Type, ScalarType.Float32, WeightType.Stored, true)]
    [InlineData(Float8Weights.Type, ScalarType.Float32, WeightType.Float8, false)]
    [InlineData(Float8Weights.Type, ScalarType.BFloat16, WeightType.Stored, false)]
    [InlineData(ScalarType.BFloat16, ScalarType.Float32, WeightType.Stored, true)]
    [InlineData(ScalarType.BFloat16, ScalarType.BFloat16, WeightType.Stored, false)]
    [InlineData(ScalarType.Float16, ScalarType.Float32, WeightType.Stored, true)]
    public void A_sample_is_the_same_in_any_batch_only_where_float32_is_computed_in(
        ScalarType stored, ScalarType computed, WeightType weights, bool expected)
    {
        using var noGradients = no_grad();
        var layer = nn.Linear(16, 16, hasBias: false);
        layer.weight = new Parameter(layer.weight!.to(stored), requires_grad: false);
        using var model = nn.Sequential(layer, nn.LayerNorm(16, dtype: computed));
        Assert.Equal(expected && Fma.IsSupported, new ProcessorKernels(oneDnn: false, weights).IsBatchInvariant(model));
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, ScalarType.Float32, true)]
    [InlineData(ScalarType.Float16, ScalarType.Float32, true)]
    [InlineData(Float8Weights.Type, ScalarType.Float32, true)]
    [InlineData(Float8Weights.Type, ScalarType.BFloat16, true)]
    [InlineData(ScalarType.BFloat16, ScalarType.BFloat16, false)]
    [InlineData(ScalarType.Float16, ScalarType.BFloat16, false)]
    [InlineData(ScalarType.Float32, ScalarType.BFloat16, false)]
    [InlineData(ScalarType.Int8, ScalarType.Float32, false)]
    public void Narrower_weights_are_kept(ScalarType stored, ScalarType computed, bool expected) =>
        Assert.Equal(expected, KeptWeights.AreNarrower(stored, computed));

    /// <summary>Larger, smaller and of another type than the one before: each is widened as if it were the only one.</summary>
    [Theory]
    [InlineData("fused")]
    [InlineData("onednn")]
    public void Layers_take_turns_in_the_memory_that_they_are_widened_in(string kernels)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        manual_seed(1);
        var processor = ComputeDevice.Open("cpu", "float32", kernels).Kernels;
        foreach (var (inputs, outputs, stored) in new[]
                 {
                     (768L, 800L, ScalarType.BFloat16), (1024, 1024, ScalarType.Float16), (768, 800, Float8Weights.Type),
                     (1024, 800, ScalarType.BFloat16),
                 })
        {
            var layer = nn.Linear(inputs, outputs);
            var wide = nn.Linear(inputs, outputs);
            layer.weight = new Parameter(layer.weight!.to(stored), requires_grad: false);
            wide.weight = new Parameter(layer.weight.to(ScalarType.Float32), requires_grad: false);
            wide.bias = layer.bias;
            foreach (var rows in new[] { 1L, 70 })
            {
                var x = randn(rows, inputs);
                Assert.Equal(0, Difference.MaxAbs(processor.Linear(layer, x), processor.Linear(wide, x)));
                Assert.Equal(0, Difference.MaxAbs(processor.LinearGelu(layer, x), processor.LinearGelu(wide, x)));
            }
        }
    }

    /// <summary>Processors without bfloat16 products sum in float32 what those that have them sum in it too.</summary>
    [Theory]
    [InlineData("fused")]
    [InlineData("onednn")]
    public void Products_of_bfloat16_are_rounded_once(string kernels)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        manual_seed(1);
        var processor = ComputeDevice.Open("cpu", "bfloat16", kernels).Kernels;
        var layer = nn.Linear(512, 256, dtype: ScalarType.BFloat16);
        var x = randn(2, 40, 512, dtype: ScalarType.BFloat16);
        var exact = nn.functional.linear(
            x.to(ScalarType.Float64), layer.weight!.to(ScalarType.Float64), layer.bias!.to(ScalarType.Float64));

        var actual = processor.Linear(layer, x);

        Assert.Equal((ScalarType.BFloat16, 256), (actual.dtype, actual.shape[^1]));
        var errors = (actual.to(ScalarType.Float64) - exact).abs() / exact.abs().clamp_min(1e-2);
        Assert.InRange(errors.max().item<double>(), 0, 1.01 / 256); // Half of the last of eight bits.
        var kept = nn.Linear(512, 256, dtype: ScalarType.BFloat16);
        kept.weight = Float8Weights.Round(kept, layer.weight);
        kept.bias = layer.bias;
        layer.weight = new Parameter(KeptWeights.Widen(kept, ScalarType.BFloat16), requires_grad: false);
        Assert.Equal(0, Difference.MaxAbs(processor.Linear(kept, x), processor.Linear(layer, x)));
    }

    /// <summary>Memory that is made in inference mode must be fit for use outside of it, and both for several threads.</summary>
    [Fact]
    public async Task Threads_in_and_out_of_inference_mode_widen_at_once()
    {
        using var noGradients = no_grad();
        using var layer = nn.Linear(768, 800);
        layer.weight = new Parameter(layer.weight!.bfloat16(), requires_grad: false);
        using var x = randn(4, 768);
        using var expected = ComputeKernels.Plain.Linear(layer, x);
        var kernels = ComputeDevice.Open("cpu", "float32", "fused").Kernels;
        await Task.WhenAll(Enumerable.Range(0, 6).Select(number => Task.Run(() =>
        {
            for (var round = 0; round < 20; round++)
            {
                using var mode = (number + round) % 2 == 0 ? inference_mode() : (IDisposable)no_grad();
                using var y = kernels.Linear(layer, x);
                Assert.Equal(0, Difference.MaxAbs(y, expected));
            }
        })));
    }

    [Fact]
    public void Large_layers_are_rounded_to_float8_and_small_ones_kept()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        manual_seed(1);
        var path = _folder.PathOf("flux1-a.safetensors");
        using (var golden = GoldenFolder.Open("transformer_dev.safetensors"))
            SafetensorsWriter.Write(path, golden.Names.Select(name => TensorContent.Of(name, golden[name].bfloat16())));
        File.WriteAllText(_folder.PathOf("config.json"), GoldenFolder.Config("transformer_dev").GetRawText());
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        var device = ComputeDevice.Open("cpu", "float32", "plain", "float8");
        var middle = checkpoint.Tensors.Values.Where(tensor => tensor.Shape.Count == 2).Select(tensor => tensor.ElementCount).Order()
            .ElementAt(10);
        using var converted = Load(checkpoint, "float32", "compute");
        using var rounded = Load(checkpoint, device with { RoundedFrom = middle });

        var pairs = converted.modules().OfType<Linear>().Zip(rounded.modules().OfType<Linear>()).ToArray();
        Assert.Contains(pairs, pair => Float8Weights.AreOf(pair.Second));
        Assert.Contains(pairs, pair => !Float8Weights.AreOf(pair.Second));
        foreach (var (exact, layer) in pairs)
        {
            using var widened = KeptWeights.Widen(layer, ScalarType.Float32);
            if (exact.weight!.numel() < middle)
                Assert.Equal(0, Difference.MaxAbs(widened, exact.weight));
            else
                Assert.InRange(Difference.Relative(widened, exact.weight), 0.01, 0.03); // Four significant bits.
        }
    }

    [Fact]
    public void An_unknown_type_is_refused_by_name()
    {
        var error = Assert.Throws<ArgumentException>(() => ComputeDevice.Open("cpu", "float32", weightType: "half"));
        Assert.Contains("'half' is unknown; allowed: stored, compute, float8, int8", error.Message, StringComparison.Ordinal);
    }

    private static FluxTransformer Load(Checkpoint checkpoint, string dtype, string weightType) =>
        Load(checkpoint, ComputeDevice.Open("cpu", dtype, "plain", weightType));

    private static FluxTransformer Load(Checkpoint checkpoint, ComputeDevice device)
    {
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
