using System.Text;
using System.Text.Json;
using Xunit;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>Logs name the request and its trace, and prompts only where they were asked for.</summary>
[Collection(TelemetryTests.Name)]
public sealed class LogTests(TelemetryFixture fixture)
{
    private static readonly string[] _secrets =
    [
        .. new[] { TelemetryFixture.Prompt, TelemetryFixture.T5Prompt, TelemetryFixture.NegativePrompt }
            .SelectMany(prompt => prompt.Split(' ')).Where(word => word.Length > 1),
    ];

    [Theory]
    [InlineData("FluxGrpc.Orchestrator.GenerationRunner")]
    [InlineData("FluxGrpc.Denoiser.Sessions.SessionHandler")]
    public void Each_line_of_a_request_names_it_and_its_trace(string category)
    {
        var lines = fixture.Services.SelectMany(service => service.Output.Split('\n')).Where(line => line.StartsWith('{'))
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.GetProperty("Category").GetString() == category)
            .Where(line => line.GetProperty("Message").GetString()!.Contains(TelemetryFixture.RequestId, StringComparison.Ordinal))
            .ToList();

        Assert.True(lines.Count >= 2); // Its begin and its end.
        Assert.All(lines, line =>
        {
            Assert.Equal(TelemetryFixture.RequestId, Scoped(line, "flux.request_id"));
            Assert.Equal(fixture.TraceId, Scoped(line, "TraceId"));
        });
    }

    [Fact]
    public async Task The_collector_gets_them_too()
    {
        await fixture.Collector.UntilAsync(
            () => Own().Select(record => record.Service).Distinct().Count() == 2,
            () => string.Join('\n', fixture.Collector.LogRecords.Select(record => $"{record.Service}: {record.Text}")));

        Assert.All(Own(), record => Assert.Equal(fixture.TraceId, record.TraceId));

        IEnumerable<ReceivedLog> Own() =>
            fixture.Collector.LogRecords.Where(record => record["flux.request_id"] == TelemetryFixture.RequestId);
    }

    [Fact]
    public async Task Prompts_are_in_no_log_metric_or_span()
    {
        await fixture.Collector.UntilAsync(
            () => fixture.Collector.Spans.Any(span => span["flux.request_id"] == TelemetryFixture.RequestId),
            () => string.Join('\n', fixture.Collector.Spans));

        Assert.Empty(Leaks(string.Concat(fixture.Services.Select(service => service.Output))));
        Assert.Empty(Leaks((await fixture.ScrapeAsync()).Text));
        Assert.Empty(fixture.Collector.Messages.SelectMany(message => Leaks(Encoding.UTF8.GetString(message))));
    }

    [Fact]
    public async Task Prompts_are_in_log_and_spans_where_the_option_says_so()
    {
        await using var collector = await OtlpCollector.StartAsync();
        await using var orchestrator =
            await fixture.StartOrchestratorAsync("--log-prompts", "true", "--otlp-endpoint", collector.Address);

        await TelemetryFixture.DrawAsync(orchestrator, "told-prompt");
        await collector.UntilAsync(
            () => collector.Spans.Any(span => span["flux.prompt"] == TelemetryFixture.Prompt),
            () => string.Join('\n', collector.Spans));

        Assert.Contains($"told-prompt: prompt: {TelemetryFixture.Prompt}", orchestrator.Output, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Leaks(string text) =>
        _secrets.Where(word => text.Contains(word, StringComparison.OrdinalIgnoreCase));

    private static string? Scoped(JsonElement line, string name) =>
        line.GetProperty("Scopes").EnumerateArray()
            .Where(scope => scope.ValueKind == JsonValueKind.Object && scope.TryGetProperty(name, out _))
            .Select(scope => scope.GetProperty(name).GetString())
            .FirstOrDefault();
}
