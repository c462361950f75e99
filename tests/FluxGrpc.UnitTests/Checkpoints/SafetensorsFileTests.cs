using CsCheck;
using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private const string Valid =
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_valid_file_lists_its_tensors_and_metadata()
    {
        var path = _folder.PathOf("x.safetensors");
        HeaderOnlyFile.WriteRaw(path, """{"__metadata__":{"format":"pt"},""" + Valid[1..] + "   ", 9);

        using var file = SafetensorsFile.Open(path);

        Assert.Equal("x.safetensors", file.Name);
        Assert.Equal("pt", Assert.Single(file.Metadata).Value);
        Assert.Equal(["a", "b"], file.Tensors.Keys.Order());
        Assert.Equal([2L], file.Tensors["a"].Shape);
        Assert.Empty(file.Tensors["b"].Shape);
        Assert.Equal(1, file.Tensors["b"].ElementCount);
        Assert.Equal(file.Tensors["a"].Offset + 8, file.Tensors["b"].Offset);
        Assert.Equal(9, file.Length - file.Tensors["a"].Offset);
    }

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("PK\u0003\u0004 a zip, so maybe a pickle", "not valid JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("null", "not a JSON object")]
    [InlineData("{} {}", "not valid JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}""", "not valid JSON")]
    [InlineData("""{"a":[]}""", "not a JSON object")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2]}}""", "lacks dtype, shape or data_offsets")]
    [InlineData("""{"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}}""", "not a JSON string")]
    [InlineData("""{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,8]}}""", "element type 'F4'")]
    [InlineData("""{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""", "not a JSON array")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}""", "whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}""", "whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "cannot have 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "cannot have 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}""", "cannot have 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8]}}""", "cannot have 8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]}}""", "more than 8 numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}}""", "claims the bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "claims the bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", "claims the bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", "claims the bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775800,9223372036854775807]}}""", "claims the bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}}""", "whole numbers")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[],"data_offsets":[7,8]}}""", "overlaps")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}""", "twice")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "belong to no tensor")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "belong to no tensor")]
    [InlineData("""{"__metadata__":{"x":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not a JSON string")]
    [InlineData("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "not valid JSON")]
    public void A_header_that_lies_is_refused(string header, string complaint)
    {
        var path = _folder.PathOf("lie.safetensors");
        HeaderOnlyFile.WriteRaw(path, header, 8);

        var error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));

        Assert.Contains(complaint, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_deeply_nested_header_is_refused()
    {
        var path = _folder.PathOf("deep.safetensors");
        const int depth = 100_000;
        HeaderOnlyFile.WriteRaw(path, """{"a":{"x":""" + new string('[', depth) + new string(']', depth) + "}}", 0);

        var error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));
        Assert.Contains("not valid JSON", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData((ulong)long.MaxValue)]
    [InlineData(100_000_001UL)]
    [InlineData(107UL)]
    public void A_header_longer_than_the_file_is_refused_before_anything_is_allocated(ulong claimed)
    {
        var path = _folder.PathOf("long.safetensors");
        HeaderOnlyFile.WriteRaw(path, "{}", 100, claimed);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));

        Assert.Contains("the header claims", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(50)]
    [InlineData(-1)]
    public void A_truncated_file_is_refused(int length)
    {
        var path = _folder.PathOf("short.safetensors");
        HeaderOnlyFile.WriteRaw(path, Valid, 9);
        using (var stream = new FileStream(path, FileMode.Open))
            stream.SetLength(length < 0 ? stream.Length + length : length);

        Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));
    }

    [Fact]
    public void What_is_no_readable_file_is_refused()
    {
        Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(_folder.Path));
        Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(_folder.PathOf("absent.safetensors")));
    }

    [Fact]
    public void An_unknown_tensor_is_an_error_that_names_file_and_tensor()
    {
        var path = _folder.PathOf("x.safetensors");
        HeaderOnlyFile.WriteRaw(path, Valid, 9);
        using var file = SafetensorsFile.Open(path);

        var error = Assert.Throws<InvalidDataException>(() => file.View("c"));
        Assert.Equal("'x.safetensors' has no tensor 'c'", error.Message);
        Assert.Throws<InvalidDataException>(() => file.Bytes("c").Length);
    }

    /// <summary>Bytes that begin like a file, so that not all of them fail at the first check.</summary>
    [Fact]
    public void Any_bytes_give_a_file_or_one_clear_error()
    {
        var path = _folder.PathOf("any.safetensors");
        HeaderOnlyFile.WriteRaw(path, Valid, 9);
        var valid = File.ReadAllBytes(path);
        var mutated = Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte).Array[1, 4].Select(changes =>
        {
            var bytes = valid.ToArray();
            foreach (var (position, value) in changes)
                bytes[position] = value;
            return bytes;
        });
        var cut = Gen.Int[0, valid.Length].Select(length => valid[..length]);

        Gen.OneOf(Gen.Byte.Array, mutated, cut).Sample(
            bytes =>
            {
                File.WriteAllBytes(path, bytes);
                try
                {
                    using var file = SafetensorsFile.Open(path);
                    var total = 0;
                    foreach (var name in file.Tensors.Keys)
                    {
                        foreach (var value in file.Bytes(name))
                            total += value;
                    }

                    Assert.InRange(total, 0, int.MaxValue);
                }
                catch (InvalidDataException e)
                {
                    Assert.Contains(path, e.Message, StringComparison.Ordinal);
                }
            },
            iter: 2_000,
            threads: 1);
    }
}
