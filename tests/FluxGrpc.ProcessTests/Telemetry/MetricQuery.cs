using System.Text.RegularExpressions;

namespace FluxGrpc.ProcessTests.Telemetry;

/// <summary>A PromQL query of the dashboard or of an alert, as far as names go.</summary>
/// <param name="Place">Where it stands, for people.</param>
/// <param name="Metrics">The metrics that it reads, each with the labels that it selects by.</param>
/// <param name="Labels">Labels that it groups by or that texts show.</param>
internal sealed partial record MetricQuery(string Place, IReadOnlyList<(string Metric, string[] Labels)> Metrics, string[] Labels)
{
    private static readonly string[] _words = ["and", "or", "unless", "offset", "bool", "inf", "nan"];
    private static readonly string[] _groupings = ["by", "without", "on", "ignoring", "group_left", "group_right"];

    /// <summary>Reads a query.</summary>
    /// <param name="place">Where it stands.</param>
    /// <param name="query">PromQL, with Grafana's variables.</param>
    /// <param name="texts">Legends and annotations that name labels.</param>
    public static MetricQuery Parse(string place, string query, params IEnumerable<string> texts)
    {
        if (LabelValues().Match(query) is { Success: true } variable)
            return Parse(place, variable.Groups[1].Value) with { Labels = [variable.Groups[2].Value] };

        var tokens = Token().Matches(Range().Replace(query, "")).Select(match => match.Value).ToArray();
        List<(string, string[])> metrics = [];
        List<string> labels = [.. texts.SelectMany(text => LabelInText().Matches(text)).Select(match => match.Groups[1].Value)];
        for (var i = 0; i < tokens.Length; i++)
        {
            var (name, next) = (tokens[i], i + 1 < tokens.Length ? tokens[i + 1] : "");
            if (_groupings.Contains(name))
                labels.AddRange(Within(tokens, ref i, ")").Where(IsName));
            else if (IsName(name) && next != "(" && !_words.Contains(name) && !_groupings.Contains(next))
                metrics.Add((name, next == "{" ? [.. Within(tokens, ref i, "}").Where(IsName)] : []));
        }

        return new MetricQuery(place, metrics, [.. labels]);
    }

    private static string[] Within(string[] tokens, ref int i, string end)
    {
        var start = i + 1;
        i = Array.IndexOf(tokens, end, start);
        return tokens[start..i];
    }

    private static bool IsName(string token) => char.IsLetter(token[0]) || token[0] is '_' or ':';

    /// <summary>Grafana's own function.</summary>
    [GeneratedRegex(@"^label_values\((.*), *(\w+)\)$")]
    private static partial Regex LabelValues();

    [GeneratedRegex(@"\[[^\]]*\]")]
    private static partial Regex Range();

    /// <summary>Strings, numbers and durations, names, all else letter by letter.</summary>
    [GeneratedRegex("""
        "(?:\\.|[^"\\])*"|\d[\w.]*|[A-Za-z_:][\w:]*|\S
        """)]
    private static partial Regex Token();

    [GeneratedRegex(@"\{\{\s*(?:\$labels\.)?([a-z]\w*)\s*\}\}")]
    private static partial Regex LabelInText();
}
