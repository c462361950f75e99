using System.Diagnostics.Metrics;

namespace FluxGrpc.Hosting.Telemetry;

/// <summary>Counts the bytes of the tensors that a service takes and gives.</summary>
public sealed class TensorTraffic(IMeterFactory meters)
{
    private static readonly KeyValuePair<string, object?> _receive = new("network.io.direction", "receive");
    private static readonly KeyValuePair<string, object?> _transmit = new("network.io.direction", "transmit");

    private readonly Counter<long> _bytes = meters.Create(TelemetryNames.HostingMeter).CreateCounter<long>(
        "flux.tensor.io", "By", "Bytes of tensors in messages received and sent.");

    /// <summary>Counts tensors of a request; null is none.</summary>
    public void Received(params ReadOnlySpan<V1.Tensor?> tensors) => _bytes.Add(BytesOf(tensors), _receive);

    /// <summary>Counts tensors of an answer; null is none.</summary>
    public void Sent(params ReadOnlySpan<V1.Tensor?> tensors) => _bytes.Add(BytesOf(tensors), _transmit);

    private static long BytesOf(ReadOnlySpan<V1.Tensor?> tensors)
    {
        var bytes = 0L;
        foreach (var tensor in tensors)
            bytes += tensor?.Data.Length ?? 0;
        return bytes;
    }
}
