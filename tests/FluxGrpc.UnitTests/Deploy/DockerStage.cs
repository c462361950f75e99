using System.Text.RegularExpressions;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>A stage of deploy/Dockerfile.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Base">The image or the stage that it begins with, build arguments replaced by their defaults.</param>
/// <param name="Instructions">What it adds, in order.</param>
internal sealed partial record DockerStage(string Name, string Base, IReadOnlyList<(string Keyword, string Value)> Instructions)
{
    /// <summary>All stages.</summary>
    public static IReadOnlyList<DockerStage> ReadAll()
    {
        var text = File.ReadAllText(Checkout.PathOf("deploy", "Dockerfile"));
        var arguments = new Dictionary<string, string>();
        var stages = new List<DockerStage>();
        foreach (var (keyword, value) in Split(text))
        {
            if (keyword == "FROM")
            {
                var parts = value.Split(' ');
                stages.Add(new DockerStage(parts[^1], Variable().Replace(parts[0], match => arguments[match.Groups[1].Value]), []));
            }
            else if (stages.Count == 0)
            {
                var parts = value.Split('=', 2);
                arguments.Add(parts[0], parts[1]);
            }
            else
            {
                stages[^1] = stages[^1] with { Instructions = [.. stages[^1].Instructions, (keyword, value)] };
            }
        }

        return stages;
    }

    /// <summary>The instructions of a stage and of all that it builds on, first ones first.</summary>
    public static IReadOnlyList<(string Keyword, string Value)> Chain(IReadOnlyList<DockerStage> stages, string name) =>
        stages.SingleOrDefault(stage => stage.Name == name) is { } found
            ? [.. Chain(stages, found.Base), .. found.Instructions]
            : [];

    private static IEnumerable<(string Keyword, string Value)> Split(string text) =>
        from line in Continuation().Replace(Comment().Replace(text, ""), " ").Split('\n')
        where line.Trim().Length > 0
        let parts = line.Trim().Split(' ', 2)
        select (parts[0], parts[1].Trim());

    [GeneratedRegex(@"^\s*#.*\n", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\\\n\s*")]
    private static partial Regex Continuation();

    [GeneratedRegex(@"\$\{(\w+)\}")]
    private static partial Regex Variable();
}
