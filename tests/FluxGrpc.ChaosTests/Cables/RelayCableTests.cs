using System.Net;
using System.Net.Sockets;
using Xunit;

namespace FluxGrpc.ChaosTests.Cables;

/// <summary>The relay that stands in for a cable, which not every machine needs.</summary>
public sealed class RelayCableTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task It_passes_bytes_on_holds_them_back_while_pulled_and_loses_none()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        await using var cable = new RelayCable();
        var address = new Uri(cable.AddressForCallers($"http://{server.LocalEndpoint}"));
        using var near = new TcpClient();
        await near.ConnectAsync(address.Host, address.Port);
        using var far = await server.AcceptTcpClientAsync().WaitAsync(_patience);

        await near.GetStream().WriteAsync(new byte[] { 1 });
        Assert.Equal(1, await ReadByteAsync(far));
        cable.Pull();
        await near.GetStream().WriteAsync(new byte[] { 2 });
        var held = ReadByteAsync(far);
        await far.GetStream().WriteAsync(new byte[] { 3 });
        var heldBack = ReadByteAsync(near);
        Assert.False(held.IsCompleted);
        Assert.False(heldBack.IsCompleted);
        cable.PlugIn();

        Assert.Equal(2, await held);
        Assert.Equal(3, await heldBack);
    }

    [Fact]
    public async Task It_passes_a_close_on()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        await using var cable = new RelayCable();
        var address = new Uri(cable.AddressForCallers($"http://{server.LocalEndpoint}"));
        using var near = new TcpClient();
        await near.ConnectAsync(address.Host, address.Port);
        using var far = await server.AcceptTcpClientAsync().WaitAsync(_patience);

        far.Close();

        Assert.Equal(-1, await ReadByteAsync(near));
    }

    private static async Task<int> ReadByteAsync(TcpClient client)
    {
        var buffer = new byte[1];
        return await client.GetStream().ReadAsync(buffer).AsTask().WaitAsync(_patience) == 1 ? buffer[0] : -1;
    }
}
