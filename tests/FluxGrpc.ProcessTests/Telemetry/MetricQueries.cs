using System.Text.Json;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>All queries that the repository carries.</summary>
internal static partial class MetricQueries
{
    /// <summary>Those of the Grafana dashboard: its panels' and its variables'.</summary>
    public static IReadOnlyList<MetricQuery> OfDashboard()
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(Checkout.PathOf("deploy", "grafana", "flux-grpc.json")));
        var root = dashboard.RootElement;
        return
        [
            .. from panel in root.GetProperty("panels").EnumerateArray()
               where panel.TryGetProperty("targets", out _)
               from target in panel.GetProperty("targets").EnumerateArray()
               select MetricQuery.Parse($"panel '{panel.GetProperty("title").GetString()}'",
                   target.GetProperty("expr").GetString()!, target.GetProperty("legendFormat").GetString()!),
            .. from variable in root.GetProperty("templating").GetProperty("list").EnumerateArray()
               where variable.GetProperty("type").GetString() == "query"
               select MetricQuery.Parse($"variable '{variable.GetProperty("name").GetString()}'",
                   variable.GetProperty("query").GetProperty("query").GetString()!),
        ];
    }

    /// <summary>Those by which Kubernetes scales.</summary>
    public static IReadOnlyList<MetricQuery> OfScaling()
    {
        var rules = ReadYaml("deploy", "kubernetes", "prometheus-adapter.yaml")["rules"]["external"];
        return
        [
            .. from YamlMappingNode rule in (YamlSequenceNode)rules
               from query in new[] { "seriesQuery", "metricsQuery" }
               select MetricQuery.Parse($"{query} of '{rule["name"]["as"]}'",
                   $"{rule[query]}".Replace("<<.LabelMatchers>>", "", StringComparison.Ordinal)),
        ];
    }

    /// <summary>The metrics in the first column of the documentation's table, as Prometheus begins their names.</summary>
    public static IReadOnlyList<string> OfDocumentation() =>
    [
        .. from line in File.ReadLines(Checkout.PathOf("deploy", "README.md"))
           where line.StartsWith("| `", StringComparison.Ordinal)
           from Match name in Name().Matches(line.Split('|')[1])
           select name.Groups[1].Value.Replace('.', '_'),
    ];

    /// <summary>Those of Prometheus' alert rules.</summary>
    public static IReadOnlyList<MetricQuery> OfAlerts()
    {
        var groups = ReadYaml("deploy", "prometheus", "alerts.yaml")["groups"];
        return
        [
            .. from YamlMappingNode @group in (YamlSequenceNode)groups
               from YamlMappingNode rule in (YamlSequenceNode)@group["rules"]
               select MetricQuery.Parse($"alert '{rule["alert"]}'", $"{rule["expr"]}",
                   ((YamlMappingNode)rule["annotations"]).Children.Values.Select(annotation => $"{annotation}")),
        ];
    }

    private static YamlNode ReadYaml(params string[] path)
    {
        var yaml = new YamlStream();
        using var text = File.OpenText(Checkout.PathOf(path));
        yaml.Load(text);
        return yaml.Documents[0].RootNode;
    }

    [GeneratedRegex(@"`((?:flux|rpc|hw)\.[a-z_.]+)`")]
    private static partial Regex Name();
}
