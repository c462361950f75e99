using System.Text.RegularExpressions;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>What Prometheus reads of one or several services: the names of the series and of their labels.</summary>
internal sealed partial class Scrape
{
    private readonly Dictionary<string, HashSet<string>> _labels = [];

    /// <summary>The answers as they were.</summary>
    public required string Text { get; init; }

    /// <summary>Names of all series.</summary>
    public IReadOnlyCollection<string> Names => _labels.Keys;

    /// <summary>Reads the metrics of services.</summary>
    /// <param name="addresses">Of their endpoints.</param>
    public static async Task<Scrape> ReadAsync(params IEnumerable<string> addresses)
    {
        using var http = new HttpClient();
        var texts = await Task.WhenAll(addresses.Select(address => http.GetStringAsync(new Uri(address))));
        var scrape = new Scrape { Text = string.Join('\n', texts) };
        foreach (Match series in Series().Matches(scrape.Text))
        {
            if (!scrape._labels.TryGetValue(series.Groups["name"].Value, out var labels))
                scrape._labels[series.Groups["name"].Value] = labels = [];
            labels.UnionWith(series.Groups["label"].Captures.Select(label => label.Value));
        }

        return scrape;
    }

    /// <summary>The labels of a series; empty where there is no such series.</summary>
    public IReadOnlySet<string> LabelsOf(string name) => _labels.GetValueOrDefault(name) ?? [];

    [GeneratedRegex("""
        ^(?<name>[a-zA-Z_:][\w:]*)(\{((?<label>\w+)="(\\.|[^"\\])*",?)*\})? \S+
        """, RegexOptions.Multiline)]
    private static partial Regex Series();
}
