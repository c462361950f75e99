using System.Text;
using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Checkpoints;

public sealed class Float8Tests : IDisposable
{
    private static readonly ComputeDevice _float32 = ComputeDevice.Open("cpu", "float32");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Every_code_has_the_value_of_the_table(ScalarType type)
    {
        var path = _folder.PathOf("codes.safetensors");
        var codes = Enumerable.Range(0, 256).Select(code => (byte)code).ToArray();
        SafetensorsWriter.Write(path, [new TensorContent("double_blocks.codes", StorageType.Float8E4M3Fn, [256], codes)]);
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        using var module = new KeyTree([("double_blocks.codes", [256])]);
        checkpoint.LoadInto(module, _float32 with { Type = type });

        using var golden = GoldenFolder.Open("fp8/fp8_io.safetensors");
        using var widened = module.parameters().Single().to(ScalarType.Float32);
        Assert.Equal(golden.Floats("e4m3fn_table").Select(Bits), widened.data<float>().ToArray().Select(Bits));

        // Zeros have a sign; what a NaN carries does not matter.
        static int Bits(float value) => float.IsNaN(value) ? int.MaxValue : BitConverter.SingleToInt32Bits(value);
    }

    [Theory]
    [InlineData("transformer_dev_fp8.safetensors", "plain.", 0)]
    [InlineData("transformer_dev_fp8_scaled.safetensors", "scaled.", 2e-7)]
    public void Float8_weights_have_the_reference_s_values(string file, string prefix, double tolerance)
    {
        using var checkpoint = Checkpoint.Open(GoldenFolder.PathOf("fp8/" + file), ModelComponent.Transformer);
        using var official = Checkpoint.Open(GoldenFolder.PathOf("transformer_dev.safetensors"), ModelComponent.Transformer);
        using var module = new KeyTree(official.Tensors.Values.Select(tensor => (tensor.Name, tensor.Shape)));
        checkpoint.LoadInto(module, _float32);

        using var golden = GoldenFolder.Open("fp8/fp8_io.safetensors");
        var parameters = module.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        var names = golden.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).ToArray();
        Assert.True(names.Length >= 3);
        foreach (var name in names)
        {
            using var expected = golden[name];
            Assert.InRange(Difference.MaxAbs(parameters[name[prefix.Length..]], expected), 0, tolerance);
        }
    }

    /// <summary>The same file under the names that ComfyUI writes today.</summary>
    [Fact]
    public void Newer_names_mean_the_same()
    {
        var path = _folder.PathOf("newer.safetensors");
        using (var older = SafetensorsFile.Open(GoldenFolder.PathOf("fp8/transformer_dev_fp8_scaled.safetensors")))
        {
            SafetensorsWriter.Write(path, older.Tensors.Values.Where(entry => !entry.Name.EndsWith("scaled_fp8", StringComparison.Ordinal))
                .SelectMany(entry => UnderNewerNames(older, entry)));
        }

        using var expected = Checkpoint.Open(GoldenFolder.PathOf("fp8/transformer_dev_fp8_scaled.safetensors"), ModelComponent.Transformer);
        using var actual = Checkpoint.Open(path, ModelComponent.Transformer);
        Assert.Equal(expected.Tensors.Keys.Order(), actual.Tensors.Keys.Order());
        Assert.Equal(expected.Fingerprint("dev", _float32), actual.Fingerprint("dev", _float32));
    }

    [Theory]
    [InlineData("{\"format\": \"nvfp4\"}", "says 'nvfp4'; the one format that is read is float8_e4m3fn")]
    [InlineData("{\"format\": 8}", "names no format")]
    [InlineData("[]", "names no format")]
    [InlineData("{", "is not JSON: ")]
    [InlineData("", "is not JSON: ")]
    public void Another_format_is_refused_by_name(string json, string expected)
    {
        var path = _folder.PathOf("x.safetensors");
        SafetensorsWriter.Write(path,
        [
            new TensorContent("double_blocks.0.a.weight", StorageType.Float8E4M3Fn, [1], new byte[1]),
            new TensorContent("double_blocks.0.a.comfy_quant", StorageType.UInt8, [json.Length], Encoding.UTF8.GetBytes(json)),
        ]);
        var error = Assert.Throws<InvalidDataException>(() => Checkpoint.Open(path, ModelComponent.Transformer));
        Assert.Contains($"'double_blocks.0.a.comfy_quant' {expected}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(StorageType.Float16, 2)]
    [InlineData(StorageType.Float32, 8)]
    public void A_scale_that_is_not_one_number_is_refused(StorageType type, int bytes) =>
        Assert.Contains("not one F32 number", ErrorOf(type, new byte[bytes]), StringComparison.Ordinal);

    [Fact]
    public void A_scale_that_is_not_finite_is_refused() =>
        Assert.Contains("is not finite", ErrorOf(StorageType.Float32, BitConverter.GetBytes(float.NaN)), StringComparison.Ordinal);

    [Fact]
    public void A_scale_without_a_weight_is_unexpected()
    {
        var path = _folder.PathOf("x.safetensors");
        HeaderOnlyFile.Write(path, [("double_blocks.0.a.scale_weight", [])], StorageType.Float32);
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        using var module = new KeyTree([]);
        var error = Assert.Throws<InvalidDataException>(() => checkpoint.Validate(module));
        Assert.EndsWith("1 unexpected: double_blocks.0.a.scale_weight", error.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<TensorContent> UnderNewerNames(SafetensorsFile file, TensorEntry entry)
    {
        var name = entry.Name.Replace(".scale_weight", ".weight_scale", StringComparison.Ordinal)
            .Replace(".scale_input", ".input_scale", StringComparison.Ordinal);
        yield return new TensorContent(name, entry.Type, [.. entry.Shape], file.Bytes(entry.Name).ToArray());
        if (entry.Name.EndsWith(".scale_weight", StringComparison.Ordinal))
        {
            var format = "{\"format\": \"float8_e4m3fn\", \"full_precision_matrix_mult\": true}"u8.ToArray();
            yield return new TensorContent(name.Replace(".weight_scale", ".comfy_quant", StringComparison.Ordinal), StorageType.UInt8,
                [format.Length], format);
        }
    }

    private string ErrorOf(StorageType type, byte[] scale)
    {
        var path = _folder.PathOf("x.safetensors");
        SafetensorsWriter.Write(path,
        [
            new TensorContent("double_blocks.0.a.weight", StorageType.Float8E4M3Fn, [1], new byte[1]),
            new TensorContent("double_blocks.0.a.scale_weight", type, [scale.Length / type.SizeInBytes()], scale),
        ]);
        return Assert.Throws<InvalidDataException>(() => Checkpoint.Open(path, ModelComponent.Transformer)).Message;
    }
}
