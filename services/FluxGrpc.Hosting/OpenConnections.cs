using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FluxGrpc.Hosting;

/// <summary>
/// Closes the connections of a service that stops, a moment after its last call has ended. Kestrel itself waits for the clients to
/// do so, and one that never reads the end of its call, or hangs, would hold the service until its time is over.
/// </summary>
internal sealed class OpenConnections(IHostApplicationLifetime lifetime, TimeProvider time)
{
    /// <summary>Time for the clients to read the ends of their calls and to close.</summary>
    private static readonly TimeSpan _linger = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, ConnectionContext> _connections = new();
    private readonly TaskCompletionSource _callsOver = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _calls;

    /// <summary>Counts the connections of an endpoint.</summary>
    public static void Count(ListenOptions listen)
    {
        var connections = listen.ApplicationServices.GetRequiredService<OpenConnections>();
        listen.Use(next => async connection =>
        {
            connections._connections[connection.ConnectionId] = connection;
            try
            {
                await next(connection);
            }
            finally
            {
                connections._connections.TryRemove(connection.ConnectionId, out _);
            }
        });
    }

    /// <summary>Counts the calls, and closes the connections after the last one when the service stops.</summary>
    public static void CloseAtStop(WebApplication app)
    {
        var connections = app.Services.GetRequiredService<OpenConnections>();
        app.Use(async (context, next) =>
        {
            Interlocked.Increment(ref connections._calls);
            try
            {
                await next(context);
            }
            finally
            {
                Interlocked.Decrement(ref connections._calls);
                connections.CheckCalls();
            }
        });
        app.Lifetime.ApplicationStopping.Register(() => _ = connections.CloseAsync());
    }

    private void CheckCalls()
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested && Volatile.Read(ref _calls) == 0)
            _callsOver.TrySetResult();
    }

    private async Task CloseAsync()
    {
        CheckCalls();
        await _callsOver.Task;
        await Task.Delay(_linger, time);
        foreach (var connection in _connections.Values)
            connection.Abort(new ConnectionAbortedException("The service has stopped"));
    }
}
