using FluxGrpc.Tensors;
using FluxGrpc.V1;
using FluxGrpc.Vae;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Vae;

public sealed class DecodeInputTests
{
    private static readonly PictureLimits _limits = new(LatentChannels: 16, DownscaleFactor: 8, MaxPixels: 64 * 128);

    [Theory]
    [InlineData(DataType.Unspecified, DataType.Uint8)]
    [InlineData(DataType.Uint8, DataType.Uint8)]
    [InlineData(DataType.Float32, DataType.Float32)]
    public void Latents_of_the_largest_picture_are_taken(DataType asked, DataType given)
    {
        var request = new DecodeRequest { Latents = Zeros(1, 16, 8, 16), PixelDataType = asked };

        var input = DecodeInput.Parse(request, _limits);

        Assert.Null(input.Grid);
        Assert.Equal(given, input.Pixels);
    }

    [Fact]
    public void Packed_latents_are_taken_with_their_grid()
    {
        var request = new DecodeRequest { Latents = Zeros(1, 32, 64), Grid = new LatentGrid { Rows = 4, Columns = 8 } };

        Assert.Equal(request.Grid, DecodeInput.Parse(request, _limits).Grid);
    }

    public static TheoryData<string, DecodeRequest> BadRequests => new()
    {
        { "latents", new DecodeRequest() },
        { "latents", new DecodeRequest { Latents = Zeros(1, 15, 8, 16) } },
        { "latents", new DecodeRequest { Latents = Zeros(2, 16, 8, 16) } },
        { "latents", new DecodeRequest { Latents = Zeros(16, 8, 16) } },
        { "latents", new DecodeRequest { Latents = Zeros(1, 16, 7, 16) } },
        { "latents", new DecodeRequest { Latents = Zeros(1, 16, 8, 18) } },
        { "latents", new DecodeRequest { Latents = Zeros(1, 32, 64) } },
        { "latents", new DecodeRequest { Latents = Filled(float.NaN) } },
        { "latents", new DecodeRequest { Latents = Filled(float.NegativeInfinity) } },
        { "latents", new DecodeRequest { Latents = With(DataType.Int32, 16 * 4 * 4, 1, 16, 2, 2) } },
        { "latents", new DecodeRequest { Latents = With((DataType)99, 16 * 4, 1, 16, 2, 2) } },
        { "latents", new DecodeRequest { Latents = With(DataType.Float32, 7, 1, 16, 2, 2) } },
        { "latents", new DecodeRequest { Latents = With(DataType.Float32, 4, 1, -16, -2, 2) } },
        { "latents", new DecodeRequest { Latents = With(DataType.Float32, 0, 1, 1L << 32, 1L << 31, 2) } },
        { "latents", new DecodeRequest { Latents = Zeros(1, 31, 64), Grid = new LatentGrid { Rows = 4, Columns = 8 } } },
        { "latents", new DecodeRequest { Latents = Zeros(1, 32, 16), Grid = new LatentGrid { Rows = 4, Columns = 8 } } },
        { "latents", new DecodeRequest { Latents = Zeros(1, 16, 8, 16), Grid = new LatentGrid { Rows = 4, Columns = 8 } } },
        { "grid.rows", new DecodeRequest { Latents = Zeros(1, 32, 64), Grid = new LatentGrid { Columns = 32 } } },
        { "grid.columns", new DecodeRequest { Latents = Zeros(1, 32, 64), Grid = new LatentGrid { Rows = -4, Columns = -8 } } },
        { "grid.rows", new DecodeRequest { Latents = Zeros(1, 32, 64), Grid = new LatentGrid { Rows = int.MaxValue, Columns = 1 } } },
        { "grid", new DecodeRequest { Latents = Zeros(1, 33, 64), Grid = new LatentGrid { Rows = 1, Columns = 33 } } },
        { "pixel_data_type", new DecodeRequest { Latents = Zeros(1, 16, 8, 16), PixelDataType = DataType.Bfloat16 } },
        { "pixel_data_type", new DecodeRequest { Latents = Zeros(1, 16, 8, 16), PixelDataType = (DataType)99 } },
    };

    [Theory]
    [MemberData(nameof(BadRequests))]
    public void A_bad_request_is_refused_by_field(string field, DecodeRequest request)
    {
        var error = Assert.Throws<RpcException>(() => DecodeInput.Parse(request, _limits));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        var violations = error.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations;
        Assert.Contains(violations, violation => violation.Field == field);
    }

    private static Tensor Zeros(params long[] shape) =>
        TensorMessage.FromFloats(new float[shape.Aggregate(1L, (product, dimension) => product * dimension)], shape);

    private static Tensor Filled(float value)
    {
        var values = new float[16 * 2 * 2];
        values[^1] = value;
        return TensorMessage.FromFloats(values, 1, 16, 2, 2);
    }

    private static Tensor With(DataType type, int bytes, params long[] shape) =>
        new() { DataType = type, Shape = { shape }, Data = ByteString.CopyFrom(new byte[bytes]) };
}
