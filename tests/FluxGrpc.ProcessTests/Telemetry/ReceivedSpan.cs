using FluxGrpc.ProcessTests.Telemetry.Otlp;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>A span as a collector gets it.</summary>
/// <param name="service">The service that sent it.</param>
/// <param name="span">The message.</param>
internal sealed class ReceivedSpan(string service, Span span)
{
    public string Service { get; } = service;

    public string Name => span.Name;

    public string TraceId { get; } = Convert.ToHexStringLower(span.TraceId.Span);

    public string Id { get; } = Convert.ToHexStringLower(span.SpanId.Span);

    /// <summary>The parent's id; empty for the root of a trace.</summary>
    public string ParentId { get; } = Convert.ToHexStringLower(span.ParentSpanId.Span);

    public ulong Started => span.StartTimeUnixNano;

    public ulong Ended => span.EndTimeUnixNano;

    /// <summary>An attribute as text; null where the span has none of that name.</summary>
    public string? this[string attribute] => span.Attributes.FirstOrDefault(one => one.Key == attribute)?.Value switch
    {
        null => null,
        { ValueCase: AnyValue.ValueOneofCase.IntValue } value => $"{value.IntValue}",
        { ValueCase: AnyValue.ValueOneofCase.BoolValue } value => $"{value.BoolValue}",
        var value => value.StringValue,
    };

    public override string ToString() => $"{Service}: {Name} ({Id} in {ParentId})";
}
