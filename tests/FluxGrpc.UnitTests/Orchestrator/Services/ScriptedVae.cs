using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf;
using Grpc.Core;

namespace FluxGrpc.UnitTests.Orchestrator.Services;

/// <summary>Speaks the autoencoder's protocol and fails on demand.</summary>
internal sealed class ScriptedVae : VaeService.VaeServiceBase
{
    private int _calls;

    public VaeServiceGetModelInfoResponse Info { get; set; } = SmallModels.Vae();

    /// <summary>Runs at each call with its number, from 1; throws to refuse.</summary>
    public Action<int> OnDecode { get; set; } = _ => { };

    public int Calls => Volatile.Read(ref _calls);

    public DecodeRequest? LastRequest { get; private set; }

    public override Task<DecodeResponse> Decode(DecodeRequest request, ServerCallContext context)
    {
        LastRequest = request;
        OnDecode(Interlocked.Increment(ref _calls));
        var (height, width) = (request.Grid.Rows * 16, request.Grid.Columns * 16);
        var latents = TensorMessage.ToFloats(request.Latents);
        byte[] pixels = [.. Enumerable.Range(0, height * width * 3).Select(i => (byte)(128 + 40 * latents[i % latents.Length]))];
        return Task.FromResult(new DecodeResponse
        {
            Pixels = new Tensor { DataType = DataType.Uint8, Shape = { height, width, 3 }, Data = ByteString.CopyFrom(pixels) },
        });
    }

    /// <summary>Latents that depend on the pixels.</summary>
    public override Task<VaeServiceEncodeResponse> Encode(VaeServiceEncodeRequest request, ServerCallContext context)
    {
        var (rows, columns) = (request.Pixels.Shape[^3] / 16, request.Pixels.Shape[^2] / 16);
        var pixels = request.Pixels.Data;
        float[] latents = [.. Enumerable.Range(0, (int)(rows * columns * SmallModels.TokenChannels)).Select(i => pixels[i] / 255f)];
        return Task.FromResult(new VaeServiceEncodeResponse
        {
            Latents = TensorMessage.FromFloats(latents, 1, SmallModels.LatentChannels, 2 * rows, 2 * columns),
        });
    }

    public override Task<VaeServiceGetModelInfoResponse> GetModelInfo(
        VaeServiceGetModelInfoRequest request, ServerCallContext context) => Task.FromResult(Info);
}
