using FluxGrpc.Hosting;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.LocalCluster.Control;

/// <summary>The control service's host has nothing to choose but its address.</summary>
internal sealed class ControlOptions : ServiceOptions
{
    /// <param name="address">The socket: <c>unix:/path/of.sock</c>.</param>
    public ControlOptions(string address)
    {
        Address = address;
        LogLevel = LogLevel.Warning;
        ShutdownSeconds = 5;
    }
}
