using System.CommandLine;
using System.Text.RegularExpressions;
using FluxGrpc.Cli.Commands;

namespace FluxGrpc.Cli.Generation;

/// <summary>The command lines for a request that goes on at the server without the command that sent it.</summary>
/// <param name="GetIt">Finds it again and writes the pictures.</param>
/// <param name="CancelIt">Stops it.</param>
internal sealed partial record FollowUps(string GetIt, string CancelIt)
{
    /// <summary>The commands for a request.</summary>
    /// <param name="sent">The command line that sent it, which is the one that finds it again.</param>
    /// <param name="requestId">The option that names the request.</param>
    /// <param name="id">Its name.</param>
    /// <param name="server">The options that say where it goes on. A key among them is left out: it would stay on the screen.</param>
    public static FollowUps Of(ParseResult sent, Option<string?> requestId, string id, ServerOptions server)
    {
        var key = sent.GetResult(server.ApiKey) is { Implicit: false } given ? given.Tokens.Single() : null;
        IEnumerable<string> words =
            ["flux", .. sent.Tokens.Where(token => token != key && token.Value != server.ApiKey.Name).Select(token => token.Value)];
        if (sent.GetResult(requestId) is null)
            words = [.. words, requestId.Name, id];
        return new FollowUps(Join(words), Join(["flux", "cancel", id, .. server.Repeat(sent)]));
    }

    private static string Join(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));

    /// <summary>A word as a POSIX shell takes it.</summary>
    private static string Quote(string word) => Plain().IsMatch(word) ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    [GeneratedRegex("^[A-Za-z0-9_./:=,@%+-]+$")]
    private static partial Regex Plain();
}
