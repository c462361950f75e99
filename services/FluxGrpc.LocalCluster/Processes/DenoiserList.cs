namespace FluxGrpc.LocalCluster.Processes;

/// <summary>
/// The file from which the orchestrator knows the denoisers: one address a line. It is replaced whole, by a rename over it, so that
/// nobody ever reads half of it.
/// </summary>
/// <param name="path">The file.</param>
internal sealed class DenoiserList(string path)
{
    /// <summary>The list as the orchestrator's <c>--denoiser</c> takes it.</summary>
    public string Target => $"file:{path}";

    /// <summary>Replaces the addresses.</summary>
    public void Write(IEnumerable<string> addresses)
    {
        var successor = $"{path}.new";
        File.WriteAllLines(successor, addresses);
        File.Move(successor, path, overwrite: true);
    }
}
