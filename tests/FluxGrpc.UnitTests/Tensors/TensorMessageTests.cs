using CsCheck;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf;
using Xunit;

namespace FluxGrpc.UnitTests.Tensors;

public sealed class TensorMessageTests
{
    [Theory]
    [InlineData(DataType.Float32, new long[] { 2, 3 }, 24, null)]
    [InlineData(DataType.Float32, new long[] { }, 4, null)]
    [InlineData(DataType.Bfloat16, new long[] { 1, 512, 4096 }, 4194304, null)]
    [InlineData(DataType.Float32, new long[] { 2, 3 }, 23, "has 23 bytes; shape [2, 3] of FLOAT32 takes 24")]
    [InlineData(DataType.Float32, new long[] { -1, 3 }, 0, "has dimension -1 in shape [-1, 3]; allowed: 1 or more")]
    [InlineData(DataType.Float32, new long[] { 0, 3 }, 0, "has dimension 0 in shape [0, 3]; allowed: 1 or more")]
    [InlineData(DataType.Float32, new long[] { long.MaxValue, 2 }, 8, "whose product overflows")]
    [InlineData(DataType.Float32, new long[] { 1L << 31, 1L << 31, 1 }, 8, "whose product overflows")]
    [InlineData(DataType.Float32, new long[] { 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 4, "has 9 dimensions; allowed: at most 8")]
    [InlineData(DataType.Unspecified, new long[] { 1 }, 4, "has data_type UNSPECIFIED; allowed: FLOAT32, BFLOAT16")]
    [InlineData(DataType.Int64, new long[] { 1 }, 8, "has data_type INT64; allowed: FLOAT32, BFLOAT16")]
    [InlineData((DataType)17, new long[] { 1 }, 4, "has data_type 17; allowed: FLOAT32, BFLOAT16")]
    public void Bytes_dimensions_and_type_must_agree(DataType type, long[] shape, int bytes, string? problem)
    {
        var tensor = new Tensor { DataType = type, Shape = { shape }, Data = ByteString.CopyFrom(new byte[bytes]) };

        var found = TensorMessage.Problem(tensor, DataType.Float32, DataType.Bfloat16);

        if (problem is null)
            Assert.Null(found);
        else
            Assert.Contains(problem, found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_tensor_is_a_problem() => Assert.Equal("is missing; required", TensorMessage.Problem(null, DataType.Float32));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void One_value_that_is_not_finite_is_found(float bad)
    {
        float[] values = [1, -2, bad, 0];
        var bfloat16 = Array.ConvertAll(values, value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes<ushort>(bfloat16).ToArray();

        Assert.Contains("NaN or infinity", TensorMessage.ProblemOfFinite(TensorMessage.FromFloats(values, 4)), StringComparison.Ordinal);
        Assert.Contains("NaN or infinity",
            TensorMessage.ProblemOfFinite(TensorMessage.Wrap(DataType.Bfloat16, bytes, 4)), StringComparison.Ordinal);
        Assert.Null(TensorMessage.ProblemOfFinite(TensorMessage.FromFloats([float.MaxValue, float.MinValue, 0, -0f], 2, 2)));
    }

    [Fact]
    public void Floats_survive_the_wire() => Gen.Float.Array[1, 200].Sample(values =>
    {
        var received = Tensor.Parser.ParseFrom(TensorMessage.FromFloats(values, values.Length).ToByteArray());

        return TensorMessage.Problem(received, DataType.Float32) is null
            && TensorMessage.Floats(received).SequenceEqual(values)
            && TensorMessage.ToFloats(received).AsSpan().SequenceEqual(values);
    });

    [Fact]
    public void Any_message_is_either_sound_or_has_a_problem() =>
        Gen.Select(Gen.Int[-1, 8], Gen.Long.Array[0, 10], Gen.Byte.Array[0, 64]).Sample((type, shape, data) =>
        {
            var tensor = new Tensor { DataType = (DataType)type, Shape = { shape }, Data = ByteString.CopyFrom(data) };
            var problem = TensorMessage.Problem(tensor, DataType.Float32, DataType.Uint8);
            if (problem is not null)
                return true;

            return shape.All(dimension => dimension > 0)
                && shape.Aggregate(1L, (product, dimension) => product * dimension) * DataTypes.ElementSize(tensor.DataType) == data.Length;
        });

    [Fact]
    public void Half_types_are_widened_exactly()
    {
        byte[] bfloat16 = [0x80, 0x3F, 0x20, 0xC1]; // 1, -10
        byte[] float16 = [0x00, 0x3C, 0x00, 0xC9]; // 1, -10

        Assert.Equal([1f, -10f], TensorMessage.ToFloats(TensorMessage.Wrap(DataType.Bfloat16, bfloat16, 2)));
        Assert.Equal([1f, -10f], TensorMessage.ToFloats(TensorMessage.Wrap(DataType.Float16, float16, 2)));
    }
}
