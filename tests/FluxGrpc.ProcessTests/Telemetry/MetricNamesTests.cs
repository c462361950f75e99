using Xunit;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>What the dashboard and the alerts read is what the running services show.</summary>
[Collection(TelemetryTests.Name)]
public sealed class MetricNamesTests(TelemetryFixture fixture)
{
    private const StringComparison Ordinal = StringComparison.Ordinal;

    /// <summary>Shown by services on a CUDA device; the tests run on the CPU.</summary>
    private static readonly string[] _onlyWithCard = ["hw_gpu_memory_limit_bytes", "hw_gpu_memory_usage_bytes"];

    /// <summary>Labels that Prometheus itself makes; the last one where it finds the services in Kubernetes.</summary>
    private static readonly string[] _ofPrometheus = ["job", "instance", "namespace"];

    [Fact]
    public async Task Every_metric_and_label_of_the_dashboard_is_in_a_scrape_of_the_running_system() =>
        Assert.Empty(Missing(MetricQueries.OfDashboard(), await fixture.ScrapeAsync()));

    [Fact]
    public async Task Every_metric_and_label_of_the_alerts_is_in_a_scrape_of_the_running_system() =>
        Assert.Empty(Missing(MetricQueries.OfAlerts(), await fixture.ScrapeAsync()));

    [Fact]
    public async Task Every_metric_by_which_Kubernetes_scales_is_in_a_scrape_of_the_running_system() =>
        Assert.Empty(Missing(MetricQueries.OfScaling(), await fixture.ScrapeAsync()));

    [Fact]
    public async Task The_documentation_lists_what_is_shown()
    {
        var documented = MetricQueries.OfDocumentation().Except(_onlyWithCard.Select(name => name.Replace("_bytes", "", Ordinal))).ToList();
        var shown = (await fixture.ScrapeAsync()).Names.Where(name => name.StartsWith("flux_", Ordinal)).ToList();

        Assert.All(documented.Where(name => !name.StartsWith("rpc_", Ordinal)),
            name => Assert.Contains(shown, series => series.StartsWith(name, Ordinal)));
        Assert.All(shown, series => Assert.Contains(documented, name => series.StartsWith(name, Ordinal)));
    }

    [Fact]
    public async Task A_metric_or_label_that_nobody_shows_is_noticed()
    {
        var query = MetricQuery.Parse("test", """
            sum by (job, flux_shape) (rate(flux_images_total{flux_outcome="finished", flux_mood=~"$job"}[5m] offset 1d)) / on (job)
            sum(rate(flux_pictures_total[$__rate_interval])) by (job) > 2 * flux_queue_work
            """, "{{ $labels.flux_color }} of {{job}}");

        Assert.Equal(
            ["test: flux_images_total has no label flux_mood", "test: no label flux_color", "test: no label flux_shape",
                "test: no metric flux_pictures_total"],
            Missing([query], await fixture.ScrapeAsync()));
    }

    [Fact]
    public async Task Metrics_have_names_units_and_bounded_labels()
    {
        var scrape = await fixture.ScrapeAsync();

        Assert.Contains("flux_step_duration_seconds_count{otel_scope_name=\"FluxGrpc.Orchestrator\","
            + "flux_replica=\"the-denoiser\",flux_tokens_up_to=\"", scrape.Text, StringComparison.Ordinal);
        Assert.Contains("flux_cache_result=\"hit\"", scrape.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(TelemetryFixture.RequestId, scrape.Text, Ordinal); // A series a request would be without bound.
    }

    [Fact]
    public async Task The_collector_gets_the_metrics_too()
    {
        string[] services = ["flux-orchestrator", "flux-text-encoder", "flux-denoiser", "flux-vae"];
        await fixture.Collector.UntilAsync(
            () => services.All(service => fixture.Collector.MetricNames[service].Contains("rpc.server.call.duration")),
            () => $"Only {string.Join(", ", fixture.Collector.MetricNames.Select(metrics => metrics.Key))} sent metrics");

        Assert.Contains("flux.step.duration", fixture.Collector.MetricNames["flux-orchestrator"]);
        Assert.Contains("flux.denoiser.batch.size", fixture.Collector.MetricNames["flux-denoiser"]);
    }

    private static string[] Missing(IReadOnlyList<MetricQuery> queries, Scrape scrape)
    {
        Assert.NotEmpty(queries);
        return [.. queries.SelectMany(query => MissingOf(query, scrape)).Order(StringComparer.Ordinal)];
    }

    private static IEnumerable<string> MissingOf(MetricQuery query, Scrape scrape)
    {
        Assert.NotEmpty(query.Metrics);
        var labels = query.Metrics.SelectMany(metric => scrape.LabelsOf(metric.Metric)).Concat(_ofPrometheus).ToHashSet();
        foreach (var (metric, selectors) in query.Metrics.Where(metric => !_onlyWithCard.Contains(metric.Metric)))
        {
            if (!scrape.Names.Contains(metric))
                yield return $"{query.Place}: no metric {metric}";
            else if (selectors.Except(scrape.LabelsOf(metric)).Except(_ofPrometheus).FirstOrDefault() is { } label)
                yield return $"{query.Place}: {metric} has no label {label}";
        }

        if (query.Metrics.All(metric => _onlyWithCard.Contains(metric.Metric)))
            yield break;
        foreach (var label in query.Labels.Distinct().Except(labels))
            yield return $"{query.Place}: no label {label}";
    }
}
