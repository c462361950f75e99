using Microsoft.Extensions.Hosting;

namespace FluxGrpc.Hosting;

/// <summary>
/// A host that does not listen to Ctrl-C and SIGTERM: a service may live inside another program, which then decides. The
/// services' own programs listen to them in <see cref="ServiceProgram"/>.
/// </summary>
public sealed class CallerOwnsSignals : IHostLifetime
{
    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
