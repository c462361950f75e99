using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Torch.Telemetry;
using FluxGrpc.V1;

namespace FluxGrpc.Vae;

/// <summary>What the pictures amount to.</summary>
internal sealed class VaeMetrics(ComputeMetrics compute, TensorTraffic tensors)
{
    /// <summary>Takes note of a picture that was decoded.</summary>
    public void NoteDecoding(DecodeInput input, DecodeResponse answer)
    {
        tensors.Received(input.Latents);
        tensors.Sent(answer.Pixels);
        compute.Record("decode", answer.ComputeTime.ToTimeSpan());
    }

    /// <summary>Takes note of a picture that was encoded.</summary>
    public void NoteEncoding(EncodeInput input, VaeServiceEncodeResponse answer)
    {
        tensors.Received(input.Pixels);
        tensors.Sent(answer.Latents, answer.Moments);
        compute.Record("encode", answer.ComputeTime.ToTimeSpan());
    }
}
