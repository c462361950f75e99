namespace FluxGrpc.LocalCluster;

/// <summary>Finds the clusters that this user runs on this machine.</summary>
public static class RunningClusters
{
    /// <summary>Name of the socket that a cluster is controlled by.</summary>
    internal const string ControlSocket = "control";

    /// <summary>Name and control address of each; what killed ones left is deleted.</summary>
    /// <exception cref="IOException">This user's folder for sockets cannot be used.</exception>
    public static IReadOnlyList<(string Name, string ControlAddress)> List()
    {
        var runtime = RuntimeFolder.OfThisUser();
        runtime.Sweep();
        return [.. from name in runtime.Names() let socket = Path.Combine(runtime.PathOf(name), $"{ControlSocket}.sock")
                   where File.Exists(socket) select (name, $"unix:{socket}")];
    }
}
