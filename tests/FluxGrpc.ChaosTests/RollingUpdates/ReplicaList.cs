using FluxGrpc.ChaosTests.Tiers;

namespace FluxGrpc.ChaosTests.RollingUpdates;

/// <summary>The file by which the orchestrator follows the denoisers, as it follows a DNS name on Kubernetes.</summary>
/// <param name="path">Where it lies.</param>
internal sealed class ReplicaList(string path)
{
    /// <summary>How the orchestrator is told of it.</summary>
    public string Target => $"file:{path}";

    /// <summary>Replaces the list, whole.</summary>
    public void Write(IEnumerable<Member> denoisers)
    {
        File.WriteAllLines($"{path}.new", denoisers.Select(denoiser => denoiser.Address));
        File.Move($"{path}.new", path, overwrite: true);
    }
}
