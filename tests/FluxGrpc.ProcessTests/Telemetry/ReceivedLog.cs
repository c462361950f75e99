using FluxGrpc.ProcessTests.Telemetry.Otlp;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>A log record as a collector gets it.</summary>
/// <param name="service">The service that sent it.</param>
/// <param name="record">The message.</param>
internal sealed class ReceivedLog(string service, LogRecord record)
{
    public string Service { get; } = service;

    public string TraceId { get; } = Convert.ToHexStringLower(record.TraceId.Span);

    public string Text => record.Body.StringValue;

    /// <summary>An attribute's text; null where the record has none of that name.</summary>
    public string? this[string attribute] => record.Attributes.FirstOrDefault(one => one.Key == attribute)?.Value.StringValue;
}
