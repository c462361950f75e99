using Xunit;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>One trace leads from the caller through all four processes.</summary>
[Collection(TelemetryTests.Name)]
public sealed class TraceTests(TelemetryFixture fixture)
{
    [Fact]
    public async Task The_spans_of_all_services_lie_in_the_trace_of_their_image()
    {
        var spans = await SpansAsync();

        AssertSpan(spans, "flux-orchestrator", "flux.v1.ImageGenerationService/Generate");
        AssertSpan(spans, "flux-text-encoder", "flux.v1.TextEncoderService/Encode");
        AssertSpan(spans, "flux-denoiser", "flux.v1.DenoiserService/Denoise");
        AssertSpan(spans, "flux-vae", "flux.v1.VaeService/Decode");
        Assert.Single(spans, span => span is { Service: "flux-orchestrator", Name: "generate" }
            && span["flux.request_id"] == TelemetryFixture.RequestId);
    }

    [Fact]
    public async Task Every_span_hangs_on_another_of_the_trace()
    {
        var spans = await SpansAsync();
        var ids = spans.Select(span => span.Id).ToHashSet();

        var roots = spans.Where(span => !ids.Contains(span.ParentId)).ToList();

        // Its parent is the caller's, who sends none.
        Assert.Equal("flux.v1.ImageGenerationService/Generate", Assert.Single(roots)["rpc.method"]);
        Assert.All(spans, span => Assert.True(span.Started <= span.Ended, $"{span}"));
    }

    /// <summary>A stream is one call, but each of its steps is seen, on both sides. The negative prompt has a stream of its own.</summary>
    [Fact]
    public async Task Each_step_of_the_long_lived_streams_has_a_span_on_both_sides()
    {
        var spans = await SpansAsync();
        var sessions = spans.Where(span => span.Name == "denoise session").ToList();
        Assert.Equal(2, sessions.Count);

        foreach (var session in sessions)
        {
            var answered = spans.Where(span => span.Name == "denoise step" && span.ParentId == session.Id).ToList();
            var asked = spans.Where(span => span.Name == "denoiser.step" && span["flux.session"] == session["flux.session"]).ToList();
            foreach (var steps in new[] { answered, asked })
            {
                Assert.Equal(Enumerable.Range(0, TelemetryFixture.Steps).Select(index => $"{index}"),
                    steps.OrderBy(step => step.Started).Select(step => step["flux.step.index"]));
                Assert.All(steps, step => Assert.Equal("the-denoiser", step["flux.replica"]));
            }

            Assert.All(answered, step => Assert.Equal("flux-denoiser", step.Service));
            Assert.All(asked, step => Assert.Equal("flux-orchestrator", step.Service));
        }
    }

    [Fact]
    public async Task Health_checks_and_scrapes_are_no_traces()
    {
        await SpansAsync();
        await fixture.ScrapeAsync();

        Assert.DoesNotContain(fixture.Collector.Spans, span =>
            span.Name.Contains("Health", StringComparison.OrdinalIgnoreCase) || span.Name.Contains("metrics", StringComparison.Ordinal));
    }

    /// <summary>The spans of the first picture, once the last of them has come: that of its request.</summary>
    private async Task<IReadOnlyList<ReceivedSpan>> SpansAsync()
    {
        await fixture.Collector.UntilAsync(
            () => Own().Any(span => span["rpc.method"] == "flux.v1.ImageGenerationService/Generate")
                && Own().Count(span => span.Name == "denoise session") == 2
                && Own().Any(span => span is { Service: "flux-denoiser", Name: not "denoise session" } && span["rpc.method"] is not null)
                && Own().Any(span => span.Service == "flux-vae") && Own().Any(span => span.Service == "flux-text-encoder"),
            () => string.Join('\n', fixture.Collector.Spans));
        return [.. Own()];

        IEnumerable<ReceivedSpan> Own() => fixture.Collector.Spans.Where(span => span.TraceId == fixture.TraceId);
    }

    private static void AssertSpan(IEnumerable<ReceivedSpan> spans, string service, string method) =>
        Assert.Contains(spans, span => span.Service == service && span["rpc.system.name"] == "grpc" && span["rpc.method"] == method
            && span["rpc.response.status_code"] == "OK");
}
