using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace FluxGrpc.ChaosTests.Cables;

/// <summary>
/// A TCP relay as the cable, for machines that allow no network namespaces. Pulled by standing still: what was sent stays
/// unacknowledged by the far program, nothing is closed, nothing is lost when the plug is in again.
/// </summary>
internal sealed class RelayCable : ICable
{
    private const int BufferBytes = 64 << 10;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _ended = new();
    private readonly ConcurrentBag<Task> _connections = [];
    private volatile TaskCompletionSource _pluggedIn = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IPEndPoint? _far;
    private Task _accepting = Task.CompletedTask;

    public RelayCable() => _pluggedIn.SetResult();

    /// <inheritdoc/>
    public string Description => "TCP relay that stands still";

    /// <inheritdoc/>
    public string ListenAddress => "http://127.0.0.1:0";

    /// <inheritdoc/>
    public IReadOnlyList<string> Wrapper => [];

    /// <inheritdoc/>
    public string AddressForCallers(string listening)
    {
        var uri = new Uri(listening);
        _far = new IPEndPoint(IPAddress.Parse(uri.Host), uri.Port);
        _listener.Start();
        _accepting = AcceptAsync();
        return $"http://{_listener.LocalEndpoint}";
    }

    /// <inheritdoc/>
    public void Pull() => _pluggedIn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public void PlugIn() => _pluggedIn.SetResult();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Dispose();
        await Task.WhenAll([_accepting, .. _connections]);
        _ended.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _connections.Add(RelayAsync(await _listener.AcceptSocketAsync(_ended.Token)));
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            // The end.
        }
    }

    private async Task RelayAsync(Socket near)
    {
        using var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using (near)
        {
            try
            {
                near.NoDelay = far.NoDelay = true;
                await _pluggedIn.Task.WaitAsync(_ended.Token);
                await far.ConnectAsync(_far!, _ended.Token);
                await Task.WhenAll(ForwardAsync(near, far), ForwardAsync(far, near));
            }
            catch (Exception exception) when (IsEnd(exception))
            {
                // Both ends are closed now.
            }
        }
    }

    /// <summary>Forwards one direction; its end is passed on, a broken connection breaks the other one too.</summary>
    private async Task ForwardAsync(Socket from, Socket to)
    {
        var buffer = new byte[BufferBytes];
        try
        {
            while (await from.ReceiveAsync(buffer, _ended.Token) is > 0 and var count)
            {
                await _pluggedIn.Task.WaitAsync(_ended.Token);
                await to.SendAsync(buffer.AsMemory(0, count), _ended.Token);
            }

            await _pluggedIn.Task.WaitAsync(_ended.Token);
            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception exception) when (IsEnd(exception))
        {
            from.Dispose();
            to.Dispose();
        }
    }

    private static bool IsEnd(Exception exception) =>
        exception is OperationCanceledException or SocketException or ObjectDisposedException;
}
