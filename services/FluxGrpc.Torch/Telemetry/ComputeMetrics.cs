using System.Diagnostics;
using System.Diagnostics.Metrics;
using TorchSharp;

namespace FluxGrpc.Torch.Telemetry;

/// <summary>What a service with a model spends: time in the model, native tensors, and memory of its card where it has one.</summary>
public sealed class ComputeMetrics
{
    private static readonly InstrumentAdvice<double> _bounds = new()
    {
        HistogramBucketBoundaries = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120],
    };

    private readonly Histogram<double> _duration;

    /// <param name="meters">Makes the meter.</param>
    /// <param name="device">Where the model computes: "cpu", "cuda:0".</param>
    public ComputeMetrics(IMeterFactory meters, string device)
    {
        var meter = meters.Create(new MeterOptions("FluxGrpc.Torch"));
        _duration = meter.CreateHistogram("flux.compute.duration", "s", "Time in the model of a forward pass.", tags: null, _bounds);
        meter.CreateObservableUpDownCounter("flux.tensors.live", () => torch.Tensor.TotalCount, "{tensor}",
            "Native tensors of the process, those that are weights among them.");
        if (CudaMemory.TryOpen(device) is { } memory)
            Observe(meter, memory, device);
    }

    /// <summary>Takes note of a forward pass.</summary>
    /// <param name="operation">What it was for: "denoise".</param>
    /// <param name="elapsed">How long it took.</param>
    /// <param name="tokensUpTo">Rounded number of tokens; null where a pass has none.</param>
    public void Record(string operation, TimeSpan elapsed, long? tokensUpTo = null)
    {
        if (!_duration.Enabled)
            return;
        var tags = new TagList { { "flux.operation", operation } };
        if (tokensUpTo is { } tokens)
            tags.Add("flux.tokens.up_to", tokens);
        _duration.Record(elapsed.TotalSeconds, tags);
    }

    private static void Observe(Meter meter, CudaMemory memory, string device)
    {
        var tag = new KeyValuePair<string, object?>("hw.id", device);
        meter.CreateObservableUpDownCounter("hw.gpu.memory.usage", () => Used(memory, tag), "By",
            "Memory in use of the card that the model is on, by whatever process.");
        meter.CreateObservableUpDownCounter("hw.gpu.memory.limit", () => Total(memory, tag), "By", "Memory of that card.");
    }

    private static IEnumerable<Measurement<long>> Used(CudaMemory memory, KeyValuePair<string, object?> tag) =>
        memory.Read() is var (free, total) ? [new Measurement<long>(total - free, tag)] : [];

    private static IEnumerable<Measurement<long>> Total(CudaMemory memory, KeyValuePair<string, object?> tag) =>
        memory.Read() is var (_, total) ? [new Measurement<long>(total, tag)] : [];
}
