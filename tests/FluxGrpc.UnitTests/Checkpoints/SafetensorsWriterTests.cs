using System.Buffers.Binary;
using CsCheck;
using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using TorchSharp;
using Xunit;

namespace FluxGrpc.UnitTests.Checkpoints;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_written_is_read_back()
    {
        var path = _folder.PathOf("x.safetensors");
        var tensor = Gen.Select(Gen.Enum<StorageType>(), Gen.Long[0, 4].Array[0, 4]).SelectMany((type, shape) =>
        {
            var length = (int)shape.Aggregate((long)type.SizeInBytes(), (product, dimension) => product * dimension);
            return Gen.Byte.Array[length].Select(data => (Type: type, Shape: shape, Data: data));
        });

        Gen.Select(tensor.Array[0, 6], Gen.Dictionary(Gen.String, Gen.String)[0, 3]).Sample(
            (contents, metadata) =>
            {
                var written = contents
                    .Select((content, i) => new TensorContent($"tensor {i} é", content.Type, content.Shape, content.Data)).ToArray();
                SafetensorsWriter.Write(path, written, metadata);
                using var file = SafetensorsFile.Open(path);
                Assert.Equal(metadata.OrderBy(pair => pair.Key), file.Metadata.OrderBy(pair => pair.Key));
                Assert.Equal(written.Length, file.Tensors.Count);
                foreach (var expected in written)
                {
                    var entry = file.Tensors[expected.Name];
                    Assert.Equal(expected.Type, entry.Type);
                    Assert.Equal(expected.Shape, entry.Shape);
                    Assert.Equal(0, entry.Offset % expected.Type.SizeInBytes());
                    Assert.True(expected.Data.Span.SequenceEqual(file.Bytes(expected.Name)));
                    using var view = file.View(expected.Name);
                    Assert.Equal(expected.Shape, view.shape);
                }
            },
            iter: 300,
            threads: 1);
    }

    [Fact]
    public void Tensors_of_torch_are_written_with_their_type()
    {
        var path = _folder.PathOf("x.safetensors");
        using var scope = torch.NewDisposeScope();
        var transposed = torch.arange(6, torch.ScalarType.BFloat16).view(2, 3).transpose(0, 1);
        SafetensorsWriter.Write(path, [TensorContent.Of("t", transposed), TensorContent.Of("scalar", torch.tensor(3L))]);

        using var file = SafetensorsFile.Open(path);
        Assert.Equal(StorageType.BFloat16, file.Tensors["t"].Type);
        Assert.Equal(0, Difference.MaxAbs(file.View("t"), transposed));
        Assert.Equal(3, file.View("scalar").item<long>());
        Assert.Throws<ArgumentException>(() => TensorContent.Of("c", torch.zeros(1, torch.ScalarType.ComplexFloat32)));
    }

    [Fact]
    public void The_header_is_a_multiple_of_eight_bytes()
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, [new TensorContent("x", StorageType.UInt8, [3], new byte[3])]);
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(stream.ToArray()) % 8);
    }

    [Fact]
    public void A_tensor_that_contradicts_itself_is_refused_and_the_old_file_stays()
    {
        var path = _folder.PathOf("x.safetensors");
        File.WriteAllText(path, "old");
        var content = new TensorContent("x", StorageType.Float32, [2], new byte[8]);

        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(path, [content, content]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(path, [content with { Shape = [3] }]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(path, [content with { Data = new byte[9] }]));

        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.EnumerateFiles(_folder.Path));
    }
}
