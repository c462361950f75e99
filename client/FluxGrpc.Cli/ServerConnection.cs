using FluxGrpc.Client;
using FluxGrpc.LocalCluster;

namespace FluxGrpc.Cli;

/// <summary>An orchestrator to talk to: one that runs somewhere, or one that is started in this process.</summary>
internal sealed class ServerConnection : IAsyncDisposable
{
    private readonly EmbeddedCluster? _cluster;

    private ServerConnection(FluxClient client, EmbeddedCluster? cluster)
    {
        Client = client;
        _cluster = cluster;
    }

    /// <summary>The orchestrator.</summary>
    public FluxClient Client { get; }

    /// <summary>Talks to a server that runs already.</summary>
    /// <exception cref="CliException">What is shown to it does not fit its address, or cannot be read.</exception>
    public static ServerConnection To(FluxClientOptions server)
    {
        try
        {
            return new ServerConnection(FluxClient.Connect(server), cluster: null);
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidDataException)
        {
            throw new CliException(exception.Message.Split(" (Parameter")[0], ExitCode.Usage);
        }
    }

    /// <summary>Starts the four services in this process.</summary>
    /// <exception cref="CliException">There is no libtorch: an installed tool has none of its own.</exception>
    public static async Task<ServerConnection> EmbedAsync(EmbeddedClusterOptions options, CancellationToken cancellation)
    {
        try
        {
            var cluster = await EmbeddedCluster.StartAsync(options, cancellation);
            return new ServerConnection(FluxClient.Connect(cluster.Address), cluster);
        }
        catch (DllNotFoundException exception)
        {
            throw new CliException($"{exception.Message} Or ask a server that runs elsewhere, with --server.");
        }
    }

    /// <summary>Hangs up; services that were started here end.</summary>
    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        if (_cluster is not null)
            await _cluster.DisposeAsync();
    }
}
