using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;

namespace FluxGrpc.ProcessTests.Web;

/// <summary>Runs the scripts of tests/web with Node's own test runner.</summary>
internal static class WebScript
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(8);

    /// <summary>Runs a script; its whole output is the failure's message.</summary>
    /// <param name="name">File in tests/web.</param>
    /// <param name="variables">Its environment, beside this process's own.</param>
    public static Task RunAsync(string name, IReadOnlyDictionary<string, string> variables) => ForeignProgram.OutputAsync(
        Repository.PathOf("tests", "web"), variables, _patience, "node", "--test", "--test-reporter=spec", name);
}
