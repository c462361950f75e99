using FluxGrpc.Hosting;
using FluxGrpc.Torch;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.Vae;

/// <summary>Speaks the VAE's protocol: requests are checked here, <see cref="VaeModel"/> computes.</summary>
internal sealed class VaeService(ModelSlot<VaeModel> slot, RequestLimit limit, VaeMetrics metrics) : V1.VaeService.VaeServiceBase
{
    public override async Task<DecodeResponse> Decode(DecodeRequest request, ServerCallContext context)
    {
        var model = slot.Get();
        using var place = limit.Enter();
        var input = DecodeInput.Parse(request, model.Limits);
        var (pixels, elapsed) = await model.DecodeAsync(input, context.CancellationToken);
        var answer = new DecodeResponse { Pixels = Send(pixels, context), ComputeTime = elapsed.ToDuration() };
        metrics.NoteDecoding(input, answer);
        return answer;
    }

    public override async Task<VaeServiceEncodeResponse> Encode(VaeServiceEncodeRequest request, ServerCallContext context)
    {
        var model = slot.Get();
        using var place = limit.Enter();
        var input = EncodeInput.Parse(request, model.Limits);
        var (latents, moments, elapsed) = await model.EncodeAsync(input, context.CancellationToken);
        var answer = new VaeServiceEncodeResponse
        {
            Latents = Send(latents, context),
            Moments = moments is null ? null : Send(moments, context),
            ComputeTime = elapsed.ToDuration(),
        };
        metrics.NoteEncoding(input, answer);
        return answer;
    }

    public override Task<VaeServiceGetModelInfoResponse> GetModelInfo(VaeServiceGetModelInfoRequest request, ServerCallContext context) =>
        Task.FromResult(slot.Get().Info.Clone());

    /// <summary>The reply's bytes are the tensor's, which therefore lives until the reply is written.</summary>
    private static V1.Tensor Send(OutgoingTensor tensor, ServerCallContext context)
    {
        context.GetHttpContext().Response.RegisterForDispose(tensor);
        return tensor.Message;
    }
}
