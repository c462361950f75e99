using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;

namespace FluxGrpc.Hosting;

/// <summary>What tells a service's program to stop: SIGINT (Ctrl-C), SIGTERM, SIGQUIT and, where asked for, the parent's end.</summary>
internal sealed class StopRequests : IDisposable
{
    private readonly PosixSignalRegistration[] _signals;

    /// <param name="lifetime">What is stopped.</param>
    /// <param name="watchInput">Also stop when standard input ends.</param>
    public StopRequests(IHostApplicationLifetime lifetime, bool watchInput)
    {
        _signals =
        [
            .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT }.Select(signal =>
                PosixSignalRegistration.Create(signal, context =>
                {
                    context.Cancel = true; // Not at once: the calls in flight get their time.
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
