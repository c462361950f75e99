using System.CommandLine;
using System.Text.RegularExpressions;
using FluxGrpc.Channels;

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
    /// <param name="server">Where it goes on.</param>
    public static FollowUps Of(ParseResult sent, Option<string?> requestId, string id, ServiceAddress server)
    {
        IEnumerable<string> words = ["flux", .. sent.Tokens.Select(token => token.Value)];
        if (sent.GetResult(requestId) is null)
            words = [.. words, requestId.Name, id];
        return new FollowUps(Join(words), Join(["flux", "cancel", id, "--server", server.ToString()]));
    }

    private static string Join(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));

    /// <summary>A word as a POSIX shell takes it.</summary>
    private static string Quote(string word) => Plain().IsMatch(word) ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    [GeneratedRegex("^[A-Za-z0-9_./:=,@%+-]+$")]
    private static partial Regex Plain();
}
