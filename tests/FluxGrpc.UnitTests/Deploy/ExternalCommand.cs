using FluxGrpc.Testing.Processes;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>Runs programs that are not ours in the repository's root.</summary>
internal static class ExternalCommand
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    /// <summary>What a program writes, which has to end well.</summary>
    /// <param name="environment">Variables beside this process's own.</param>
    /// <param name="name">The program.</param>
    /// <param name="arguments">Its command line.</param>
    public static Task<string> OutputAsync(
        IReadOnlyDictionary<string, string> environment, string name, params IEnumerable<string> arguments) =>
        ForeignProgram.OutputAsync(Checkout.Root, environment, _patience, name, arguments);
}
