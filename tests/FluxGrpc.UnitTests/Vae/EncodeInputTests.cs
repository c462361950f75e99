using FluxGrpc.Tensors;
using FluxGrpc.V1;
using FluxGrpc.Vae;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Vae;

public sealed class EncodeInputTests
{
    private static readonly PictureLimits _limits = new(LatentChannels: 16, DownscaleFactor: 8, MaxPixels: 64 * 128);

    public static TheoryData<Tensor> Pictures => new() { Bytes(64, 128, 3), Floats(1f, 1, 3, 128, 64), Floats(-1f, 1, 3, 16, 16) };

    [Theory]
    [MemberData(nameof(Pictures))]
    public void A_picture_is_taken_in_both_layouts(Tensor pixels)
    {
        var input = EncodeInput.Parse(new VaeServiceEncodeRequest { Pixels = pixels, IncludeMoments = true }, _limits);

        Assert.Same(pixels, input.Pixels);
        Assert.True(input.IncludeMoments);
    }

    public static TheoryData<Tensor?> BadPictures => new()
    {
        null,
        Bytes(64, 128, 4),
        Bytes(3, 64, 128),
        Bytes(1, 3, 64, 128),
        Bytes(64, 120, 3),
        Bytes(17, 16, 3),
        Bytes(80, 128, 3),
        new Tensor { DataType = DataType.Uint8, Shape = { 64, 128, 3 }, Data = ByteString.CopyFrom(1, 2, 3) },
        new Tensor { DataType = DataType.Uint8, Shape = { 1L << 40, 1L << 40, 3 } },
        new Tensor { DataType = DataType.Bfloat16, Shape = { 1, 3, 16, 16 }, Data = ByteString.CopyFrom(new byte[2 * 3 * 256]) },
        Floats(1.001f, 1, 3, 16, 16),
        Floats(float.NaN, 1, 3, 16, 16),
        Floats(0, 1, 1, 16, 16),
        Floats(0, 2, 3, 16, 16),
        Floats(0, 16, 16, 3),
    };

    [Theory]
    [MemberData(nameof(BadPictures))]
    public void A_bad_picture_is_refused(Tensor? pixels)
    {
        var error = Assert.Throws<RpcException>(() => EncodeInput.Parse(new VaeServiceEncodeRequest { Pixels = pixels }, _limits));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal("pixels", Assert.Single(error.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations).Field);
    }

    private static Tensor Bytes(params long[] shape) => new()
    {
        DataType = DataType.Uint8,
        Shape = { shape },
        Data = ByteString.CopyFrom(new byte[shape.Aggregate(1L, (product, dimension) => product * dimension)]),
    };

    private static Tensor Floats(float value, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, dimension) => product * dimension)];
        values[^1] = value;
        return TensorMessage.FromFloats(values, shape);
    }
}
