using FluxGrpc.Channels;

namespace FluxGrpc.LocalCluster.Processes;

/// <summary>How a service is started.</summary>
/// <param name="Name">Its name in the cluster: "denoiser-2".</param>
/// <param name="Assembly">Its program, a file beside this one without extension: "FluxGrpc.Denoiser".</param>
/// <param name="Address">Where it shall listen.</param>
/// <param name="Device">Device that it computes on; empty where it does not.</param>
/// <param name="Arguments">The rest of its command line.</param>
internal sealed record ServiceCommand(string Name, string Assembly, string Address, string Device, IReadOnlyList<string> Arguments)
{
    /// <summary>Where it shall serve a web page; empty for a service that has none.</summary>
    public string WebAddress { get; init; } = "";

    /// <summary>Whom to trust there and what to show.</summary>
    public ChannelSecurity Security { get; init; } = ChannelSecurity.Default;
}
