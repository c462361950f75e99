using System.Diagnostics;
using Grpc.Core;

namespace FluxGrpc.LocalCluster;

/// <summary>
/// A service that runs as a child process. Its standard input is a pipe that this process holds open: the service stops when
/// that closes, which the system does however this process ends, by SIGKILL too.
/// </summary>
internal sealed class ServiceProcess : IAsyncDisposable
{
    private const string ListeningLine = "Listening on ";
    private const int KeptLogLines = 10;

    private static readonly TimeSpan _defaultPatience = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly Action<string> _log;
    private readonly TaskCompletionSource<string> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<string> _lastLines = new();
    private readonly Task _output;
    private readonly Task _errors;

    private ServiceProcess(string name, Process process, Action<string> log)
    {
        Name = name;
        _process = process;
        _log = log;
        _output = ForwardAsync(process.StandardOutput);
        _errors = ForwardAsync(process.StandardError);
        Exited = WaitForExitAsync();
    }

    /// <summary>The service's name, which its log lines begin with: "denoiser-1".</summary>
    public string Name { get; }

    /// <summary>Time that the service gets to end its calls before it is killed.</summary>
    public required TimeSpan Patience { get; init; }

    /// <summary>The process's id.</summary>
    public int Id => _process.Id;

    /// <summary>Completes with the exit code when the process has ended and its last words were forwarded.</summary>
    public Task<int> Exited { get; }

    /// <summary>Starts a program.</summary>
    /// <param name="name">The service's name.</param>
    /// <param name="program">The program's file.</param>
    /// <param name="arguments">Its command line.</param>
    /// <param name="log">Takes the lines it writes, each with the service's name before it; called by several threads.</param>
    /// <param name="patience">See <see cref="Patience"/>.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">The program is not there.</exception>
    public static ServiceProcess Start(
        string name, string program, IEnumerable<string> arguments, Action<string> log, TimeSpan? patience = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new ServiceProcess(name, Process.Start(start)!, log) { Patience = patience ?? _defaultPatience };
    }

    /// <summary>Waits until the service has its model and serves.</summary>
    /// <param name="cancellation">Gives up waiting.</param>
    /// <param name="check">Looks at the service as soon as it listens; what it throws ends the wait.</param>
    /// <returns>Its address.</returns>
    /// <exception cref="IOException">The process ended; the message has its last lines.</exception>
    public async Task<string> WaitUntilServingAsync(
        CancellationToken cancellation, Func<string, CancellationToken, Task>? check = null)
    {
        using var abandon = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var serving = ServeAsync(check, abandon.Token);
        if (await Task.WhenAny(serving, Exited) == serving && !Exited.IsCompleted)
            return await serving;

        await abandon.CancelAsync();
        throw Ended(await Exited);
    }

    /// <summary>Closes the service's input, waits for it to end its calls, and kills it where it does not.</summary>
    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        try
        {
            await Exited.WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            _process.Kill(entireProcessTree: true);
            await Exited;
        }

        _process.Dispose();
    }

    private async Task<string> ServeAsync(Func<string, CancellationToken, Task>? check, CancellationToken cancellation)
    {
        var address = await _listening.Task.WaitAsync(cancellation);
        try
        {
            if (check is not null)
                await check(address, cancellation);
            await HealthWatch.WaitUntilServingAsync(address, cancellation);
        }
        catch (RpcException)
        {
            throw Ended(await Exited.WaitAsync(cancellation)); // It listened, so it can only have ended.
        }

        return address;
    }

    private IOException Ended(int exitCode)
    {
        lock (_lastLines)
            return new IOException($"{Name} ended with exit code {exitCode}: {string.Join(Environment.NewLine, _lastLines)}");
    }

    private async Task ForwardAsync(StreamReader lines)
    {
        while (await lines.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(ListeningLine, StringComparison.Ordinal))
                _listening.TrySetResult(line[ListeningLine.Length..]);
            lock (_lastLines)
            {
                if (_lastLines.Count == KeptLogLines)
                    _lastLines.Dequeue();
                _lastLines.Enqueue(line);
            }

            _log($"{Name}: {line}");
        }
    }

    private async Task<int> WaitForExitAsync()
    {
        await _process.WaitForExitAsync();
        await Task.WhenAll(_output, _errors);
        return _process.ExitCode;
    }
}
