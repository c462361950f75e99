using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace FluxGrpc.Hosting;

/// <summary>
/// What tells a service's program to stop: SIGTERM and SIGQUIT, and either SIGINT (Ctrl-C) or, where it was started by another
/// program, the end of that program. Ctrl-C at a terminal reaches both, and then the other one decides in which order its services end.
/// </summary>
internal sealed class StopRequests : IDisposable
{
    private readonly PosixSignalRegistration[] _signals;

    /// <param name="lifetime">What is stopped.</param>
    /// <param name="watchInput">Stop when standard input ends rather than at Ctrl-C.</param>
    public StopRequests(IHostApplicationLifetime lifetime, bool watchInput)
    {
        _signals =
        [
            .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT }.Select(signal =>
                PosixSignalRegistration.Create(signal, context =>
                {
                    context.Cancel = true; // Not at once: the calls in flight get their time.
                    if (signal != PosixSignal.SIGINT || !watchInput)
                        lifetime.StopApplication();
                })),
        ];
        if (watchInput)
            new Thread(() => StopAtEndOfInput(lifetime)) { IsBackground = true, Name = "parent watch" }.Start();
    }

    public void Dispose()
    {
        foreach (var signal in _signals)
            signal.Dispose();
    }

    /// <summary>The kernel closes the parent's end of the pipe however the parent ends, by SIGKILL too.</summary>
    private static void StopAtEndOfInput(IHostApplicationLifetime lifetime)
    {
        using var input = Console.OpenStandardInput();
        var discarded = new byte[256];
        while (input.Read(discarded) > 0)
        {
        }

        lifetime.StopApplication();
    }
}
