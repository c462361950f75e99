using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Checkpoints;

public sealed class CheckpointFingerprintTests : IDisposable
{
    private static readonly ComputeDevice _device = ComputeDevice.Open("cpu", "float32");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_depends_on_the_weights_not_on_where_they_lie()
    {
        var original = Of("flux1-a.safetensors", 0, 100, 100);
        Assert.Equal(32, original.Length);
        Assert.Equal(original, Of("flux1-b.safetensors", 0, 100, 100));
    }

    [Fact]
    public void It_depends_on_names_shapes_types_and_content()
    {
        string[] fingerprints =
        [
            Of("flux1-a.safetensors", 0, 100, 100),
            Of("flux1-a.safetensors", 1, 100, 100),
            Of("flux1-a.safetensors", 0, 10_000),
            Of("flux1-a.safetensors", 0, 50, 200),
            Of("flux1-a.safetensors", 0, 100, 100, name: "double_blocks.0.b"),
            Of("flux1-a.safetensors", 0, 100, 100, type: StorageType.Int8),
        ];
        Assert.Equal(fingerprints.Length, fingerprints.Distinct().Count());
    }

    [Fact]
    public void It_depends_on_variant_compute_type_and_kind_of_device()
    {
        Write("flux1-a.safetensors", "double_blocks.0.a", StorageType.UInt8, 0, [100, 100]);
        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.Transformer);
        string[] fingerprints =
        [
            checkpoint.Fingerprint("dev", _device),
            checkpoint.Fingerprint("schnell", _device),
            checkpoint.Fingerprint("dev", _device with { Type = ScalarType.BFloat16 }),
            checkpoint.Fingerprint("dev", _device with { Device = new Device(TorchSharp.DeviceType.CUDA, 0) }),
        ];
        Assert.Equal(fingerprints.Length, fingerprints.Distinct().Count());
        Assert.Equal(
            checkpoint.Fingerprint("dev", _device with { Device = new Device(TorchSharp.DeviceType.CUDA, 1) }), fingerprints[^1]);
    }

    [Fact]
    public void It_depends_on_the_type_of_every_part()
    {
        Assert.NotEqual(OfParts(StorageType.BFloat16), OfParts(StorageType.Float16));

        string OfParts(StorageType keyType)
        {
            var path = _folder.PathOf("parts.safetensors");
            SafetensorsWriter.Write(path,
            [
                new TensorContent("transformer_blocks.0.attn.to_q.bias", StorageType.BFloat16, [4], new byte[8]),
                new TensorContent("transformer_blocks.0.attn.to_k.bias", keyType, [4], new byte[8]),
                new TensorContent("transformer_blocks.0.attn.to_v.bias", StorageType.BFloat16, [4], new byte[8]),
            ]);
            using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
            return checkpoint.Fingerprint("dev", _device);
        }
    }

    private string Of(
        string file, byte firstByte, long rows, long columns = 1, string name = "double_blocks.0.a", StorageType type = StorageType.UInt8)
    {
        Write(file, name, type, firstByte, [rows, columns]);
        using var checkpoint = Checkpoint.Open(_folder.PathOf(file), ModelComponent.Transformer);
        return checkpoint.Fingerprint("dev", _device);
    }

    private void Write(string file, string name, StorageType type, byte firstByte, long[] shape)
    {
        var data = new byte[shape[0] * shape[1]];
        data[0] = firstByte;
        SafetensorsWriter.Write(_folder.PathOf(file), [new TensorContent(name, type, shape, data)]);
    }
}
