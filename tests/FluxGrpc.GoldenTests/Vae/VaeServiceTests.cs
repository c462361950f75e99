using FluxGrpc.Channels;
using FluxGrpc.Hosting;
using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using FluxGrpc.Vae;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TorchSharp;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.GoldenTests.Vae;

/// <summary>The service on the golden weights, called over a Unix socket.</summary>
public sealed class VaeServiceTests : IAsyncLifetime
{
    private const double DecodedBound = 5e-6;
    private const double EncodedBound = 5e-6;
    private const double MomentsBound = 1e-5;

    // TorchSharp never takes the tensor that a Parameter was made of off its count: one for each of the 240 parameters when the
    // network is built, one when it is loaded.
    private const int CountedForEver = 2 * 240;

    private readonly ITestOutputHelper _output;
    private readonly VaeOptions _options = new()
    {
        Address = $"unix:{Path.Combine(Path.GetTempPath(), $"vae-{Guid.NewGuid():N}.sock")}",
        Checkpoint = GoldenFolder.PathOf("vae.safetensors"),
        Dtype = "float32",
        MaxPixels = 96 * 160,
        MaxRequests = 1,
        LogLevel = LogLevel.Error,
    };

    private readonly GoldenFile _io = GoldenFolder.Open("vae_io.safetensors");
    private readonly GoldenFile _trajectory = GoldenFolder.Open("trajectory.safetensors");
    private long _tensorsBefore;
    private long _tensorsLoaded;
    private WebApplication _app = null!;
    private GrpcChannel _channel = null!;
    private V1.VaeService.VaeServiceClient _client = null!;

    public VaeServiceTests(ITestOutputHelper output) => _output = output;

    public async Task InitializeAsync()
    {
        _tensorsBefore = LiveTensors.CountSettled();
        _app = VaeServer.Build(_options);
        await _app.StartAsync();
        _channel = ServiceChannel.Create(ServiceAddress.Parse(_options.Address));
        _client = new V1.VaeService.VaeServiceClient(_channel);
        await _app.Services.GetRequiredService<IModelReadiness>().Ready;
        _tensorsLoaded = LiveTensors.CountSettled();
    }

    /// <summary>Whatever a test did, its calls leave no tensor behind, nor does the service.</summary>
    public async Task DisposeAsync()
    {
        _channel.Dispose();
        await _app.StopAsync();
        // Without a collection, which would hide what the calls forgot.
        Assert.Equal(_tensorsLoaded, torch.Tensor.TotalCount);
        await _app.DisposeAsync();
        _io.Dispose();
        _trajectory.Dispose();
        Assert.Equal(_tensorsBefore + CountedForEver, LiveTensors.CountSettled());
    }

    [Fact]
    public async Task Decoded_matches_the_reference()
    {
        var reply = await _client.DecodeAsync(new DecodeRequest { Latents = Message(_io, "z"), PixelDataType = DataType.Float32 });

        Assert.Equal(_io.Shape("decoded"), reply.Pixels.Shape);
        AssertWithin(DecodedBound, TensorMessage.Floats(reply.Pixels), _io.Floats("decoded"));
        Assert.True(reply.ComputeTime.ToTimeSpan() > TimeSpan.Zero);
    }

    [Fact]
    public async Task Packed_and_unpacked_latents_give_the_same_picture_within_one_level_of_the_reference()
    {
        var packed = await _client.DecodeAsync(new DecodeRequest
        {
            Latents = Message(_trajectory, "final_packed"),
            Grid = new LatentGrid { Rows = 6, Columns = 10 },
        });
        var unpacked = await _client.DecodeAsync(new DecodeRequest { Latents = Message(_trajectory, "final_latents") });

        Assert.Equal(packed.Pixels, unpacked.Pixels);
        Assert.Equal(DataType.Uint8, packed.Pixels.DataType);
        Assert.Equal(_trajectory.Shape("rgb_u8"), packed.Pixels.Shape);
        AssertWithin(1, ToFloats(packed.Pixels.Data), _trajectory.Floats("rgb_u8"));
    }

    [Fact]
    public async Task Encoded_and_moments_match_the_reference()
    {
        var reply = await _client.EncodeAsync(new VaeServiceEncodeRequest { Pixels = Message(_io, "image"), IncludeMoments = true });

        Assert.Equal(_io.Shape("encoded"), reply.Latents.Shape);
        Assert.Equal(_io.Shape("moments"), reply.Moments.Shape);
        AssertWithin(EncodedBound, TensorMessage.Floats(reply.Latents), _io.Floats("encoded"));
        AssertWithin(MomentsBound, TensorMessage.Floats(reply.Moments), _io.Floats("moments"));
    }

    [Fact]
    public async Task Bytes_encode_as_the_values_they_stand_for()
    {
        var bytes = new V1.Tensor
        {
            DataType = DataType.Uint8,
            Shape = { 96, 160, 3 },
            Data = ByteString.CopyFrom([.. _trajectory.Floats("rgb_u8").Select(level => (byte)level)]),
        };
        var values = new float[3 * 96 * 160];
        for (var i = 0; i < values.Length; i++)
            values[(i % 3 * 96 * 160) + (i / 3)] = (bytes.Data[i] / 127.5f) - 1;

        var fromBytes = await _client.EncodeAsync(new VaeServiceEncodeRequest { Pixels = bytes });
        var fromValues = await _client.EncodeAsync(new VaeServiceEncodeRequest
        {
            Pixels = TensorMessage.FromFloats(values, 1, 3, 96, 160),
        });

        Assert.Null(fromBytes.Moments);
        AssertWithin(EncodedBound, TensorMessage.Floats(fromBytes.Latents), TensorMessage.ToFloats(fromValues.Latents));
    }

    [Fact]
    public async Task Equal_requests_get_equal_bytes()
    {
        var request = new DecodeRequest { Latents = Message(_io, "z"), PixelDataType = DataType.Float32 };

        var first = await _client.DecodeAsync(request);
        var second = await _client.DecodeAsync(request);

        Assert.Equal(first.Pixels.Data, second.Pixels.Data);
    }

    [Fact]
    public async Task The_model_is_described()
    {
        var info = await _client.GetModelInfoAsync(new VaeServiceGetModelInfoRequest());

        Assert.Equal("vae.safetensors", info.Component.ModelName);
        Assert.Equal(1_420_547, info.Component.ParameterCount);
        Assert.Equal(DataType.Float32, info.Component.ComputeDataType);
        Assert.Equal("cpu", info.Component.Device);
        Assert.Equal("official", info.Component.CheckpointLayout);
        Assert.Equal(32, info.Component.Fingerprint.Length);
        Assert.False(info.Component.RandomWeights);
        Assert.Equal((16, 8, 0.3611f, 0.1159f), (info.LatentChannels, info.DownscaleFactor, info.ScalingFactor, info.ShiftFactor));
        Assert.Equal((1024, 96 * 160), (info.SampleSize, info.MaxPixels));
    }

    [Fact]
    public async Task Health_turns_serving_when_the_weights_are_there()
    {
        using var call = new Health.HealthClient(_channel).Watch(new HealthCheckRequest());

        var serving = false;
        while (!serving && await call.ResponseStream.MoveNext(CancellationToken.None))
            serving = call.ResponseStream.Current.Status == HealthCheckResponse.Types.ServingStatus.Serving;

        Assert.True(serving);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public async Task Latents_that_are_not_finite_are_refused(float value)
    {
        var values = _io.Floats("z");
        values[17] = value;
        var request = new DecodeRequest { Latents = TensorMessage.FromFloats(values, 1, 16, 6, 10) };

        await AssertRefusedAsync("latents", () => _client.DecodeAsync(request));
    }

    [Fact]
    public async Task A_wrong_number_of_bytes_is_refused()
    {
        var latents = new V1.Tensor { DataType = DataType.Float32, Shape = { 1, 16, 6, 10 }, Data = ByteString.CopyFrom(1) };
        var request = new DecodeRequest { Latents = latents };

        await AssertRefusedAsync("latents", () => _client.DecodeAsync(request));
    }

    [Fact]
    public async Task A_grid_that_does_not_fit_the_tokens_is_refused()
    {
        var request = new DecodeRequest
        {
            Latents = Message(_trajectory, "final_packed"),
            Grid = new LatentGrid { Rows = 5, Columns = 10 },
        };

        await AssertRefusedAsync("latents", () => _client.DecodeAsync(request));
    }

    [Fact]
    public async Task A_grid_whose_product_overflows_is_refused()
    {
        var request = new DecodeRequest
        {
            Latents = Message(_trajectory, "final_packed"),
            Grid = new LatentGrid { Rows = int.MaxValue, Columns = int.MaxValue },
        };

        await AssertRefusedAsync("grid.rows", () => _client.DecodeAsync(request));
    }

    [Fact]
    public async Task A_picture_over_the_limit_is_refused()
    {
        var request = new VaeServiceEncodeRequest { Pixels = TensorMessage.FromFloats(new float[3 * 112 * 160], 1, 3, 112, 160) };

        await AssertRefusedAsync("pixels", () => _client.EncodeAsync(request));
    }

    [Fact]
    public async Task An_unknown_reply_type_is_refused()
    {
        var request = new DecodeRequest { Latents = Message(_io, "z"), PixelDataType = DataType.Int64 };

        await AssertRefusedAsync("pixel_data_type", () => _client.DecodeAsync(request));
    }

    [Fact]
    public async Task A_request_too_many_is_refused_with_a_time_to_come_back()
    {
        var request = new DecodeRequest { Latents = Message(_io, "z") };
        using (_app.Services.GetRequiredService<RequestLimit>().Enter())
        {
            var error = await Assert.ThrowsAsync<RpcException>(async () => await _client.DecodeAsync(request));

            Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
            Assert.True(error.GetRpcStatus()!.GetDetail<RetryInfo>().RetryDelay.ToTimeSpan() > TimeSpan.Zero);
        }

        await _client.DecodeAsync(request);
    }

    [Fact]
    public async Task A_cancelled_call_leaves_nothing()
    {
        using var cancellation = new CancellationTokenSource();
        var call = _client.DecodeAsync(new DecodeRequest { Latents = Message(_io, "z") }, cancellationToken: cancellation.Token);

        await cancellation.CancelAsync();
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call);

        Assert.Equal(StatusCode.Cancelled, error.StatusCode);
    }

    private static V1.Tensor Message(GoldenFile file, string name) =>
        TensorMessage.FromFloats(file.Floats(name), [.. file.Shape(name)]);

    private static float[] ToFloats(ByteString bytes) => [.. bytes.Select(level => (float)level)];

    private static async Task AssertRefusedAsync<T>(string field, Func<AsyncUnaryCall<T>> call)
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await call());

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        var violations = error.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations;
        Assert.Contains(violations, violation => violation.Field == field);
    }

    private void AssertWithin(double bound, ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        var difference = Difference.MaxAbs(actual, expected);
        _output.WriteLine($"max abs {difference:e2}, bound {bound:e1}");
        Assert.True(difference <= bound, $"max abs {difference}, bound {bound}");
    }
}
