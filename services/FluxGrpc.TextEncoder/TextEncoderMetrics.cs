using System.Diagnostics.Metrics;
using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Torch.Telemetry;
using FluxGrpc.V1;

namespace FluxGrpc.TextEncoder;

/// <summary>What the encoded prompts amount to. Of their text it knows nothing.</summary>
internal sealed class TextEncoderMetrics(IMeterFactory meters, ComputeMetrics compute, TensorTraffic tensors)
{
    private readonly Counter<long> _tokens = meters.Create("FluxGrpc.TextEncoder").CreateCounter<long>(
        "flux.text_encoder.tokens", "{token}", "Tokens of T5's sequences, padding among them.");

    /// <summary>Takes note of an answer.</summary>
    public void NoteEncoding(EncodeInput input, TextEncoderServiceEncodeResponse answer)
    {
        _tokens.Add(input.T5Ids.Count);
        tensors.Sent(answer.HiddenStates, answer.Pooled);
        compute.Record("encode_prompt", answer.ComputeTime.ToTimeSpan(), TelemetryNames.TokenClass(input.T5Ids.Count));
    }
}
