using System.Text;
using Grpc.Core;

namespace FluxGrpc.Hosting.Telemetry;

/// <summary>gRPC statuses as the rest of the world writes them: DEADLINE_EXCEEDED.</summary>
public static class StatusNames
{
    private static readonly Dictionary<StatusCode, string> _names =
        Enum.GetValues<StatusCode>().ToDictionary(status => status, status => status == StatusCode.OK ? "OK" : Snake($"{status}"));

    /// <summary>The name of a status; UNKNOWN where it has none.</summary>
    public static string Of(StatusCode status) => _names.TryGetValue(status, out var name) ? name : "UNKNOWN";

    private static string Snake(string name)
    {
        var snake = new StringBuilder();
        foreach (var letter in name)
        {
            if (char.IsUpper(letter) && snake.Length > 0)
                snake.Append('_');
            snake.Append(char.ToUpperInvariant(letter));
        }

        return snake.ToString();
    }
}
