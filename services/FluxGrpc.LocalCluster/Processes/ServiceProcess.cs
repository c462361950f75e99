using System.ComponentModel;
using System.Diagnostics;
using FluxGrpc.Channels;
using Grpc.Core;

namespace FluxGrpc.LocalCluster.Processes;

/// <summary>
/// A service that runs as a child process. Its standard input is a pipe that this process holds open: the service stops when
/// that closes, which the system does however this process ends, by SIGKILL too.
/// </summary>
internal sealed class ServiceProcess : IAsyncDisposable
{
    private const string ListeningLine = "Listening on ";
    private const string WebLine = "Web page at ";
    private const int KeptLogLines = 10;

    /// <summary>Time that a service gets to end its calls before it is killed, where nothing else is said.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly StreamWriter _input;
    private readonly Action<string> _log;
    private readonly TaskCompletionSource<string> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<string> _lastLines = new();
    private readonly Task _output;
    private readonly Task _errors;

    private ServiceProcess(string name, Process process, Action<string> log)
    {
        Name = name;
        Id = process.Id;
        _process = process;
        _input = process.StandardInput;
        _log = log;
        _output = ForwardAsync(process.StandardOutput);
        _errors = ForwardAsync(process.StandardError);
        Exited = WaitForExitAsync();
    }

    /// <summary>The service's name, which its log lines begin with: "denoiser-1".</summary>
    public string Name { get; }

    /// <summary>The process's id.</summary>
    public int Id { get; }

    /// <summary>Where it serves a web page, once it listens; empty where it serves none.</summary>
    public string WebAddress { get; private set; } = "";

    /// <summary>Completes with the exit code when the process has ended and its last words were forwarded.</summary>
    public Task<int> Exited { get; }

    /// <summary>Resident memory in bytes; 0 when it has ended.</summary>
    public long ResidentMemory
    {
        get
        {
            if (Exited.IsCompleted)
                return 0;
            try
            {
                using var process = Process.GetProcessById(Id); // What it tells is as of its making.
                return process.WorkingSet64;
            }
            catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
            {
                return 0; // It has just ended.
            }
        }
    }

    /// <summary>Starts a program.</summary>
    /// <param name="name">The service's name.</param>
    /// <param name="program">The program's file.</param>
    /// <param name="arguments">Its command line.</param>
    /// <param name="log">Takes the lines it writes, each with the service's name before it; called by several threads.</param>
    /// <exception cref="IOException">The program is not there, or the system has no room for it.</exception>
    public static ServiceProcess Start(string name, string program, IEnumerable<string> arguments, Action<string> log)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            return new ServiceProcess(name, Process.Start(start)!, log);
        }
        catch (Win32Exception exception)
        {
            throw new IOException($"{name} cannot be started: {exception.Message}", exception);
        }
    }

    /// <summary>Waits until the service has its model and serves.</summary>
    /// <param name="cancellation">Gives up waiting.</param>
    /// <param name="check">Looks at the service as soon as it listens; what it throws ends the wait.</param>
    /// <param name="security">Whom to trust there and what to show.</param>
    /// <returns>Its address.</returns>
    /// <exception cref="IOException">The process ended; the message has its last lines.</exception>
    public async Task<string> WaitUntilServingAsync(
        CancellationToken cancellation, Func<string, CancellationToken, Task>? check = null,
        ChannelSecurity? security = null)
    {
        using var abandon = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var serving = ServeAsync(check, security, abandon.Token);
        if (await Task.WhenAny(serving, Exited) == serving && !Exited.IsCompleted)
            return await serving;

        await abandon.CancelAsync();
        await Exited;
        throw new IOException(DescribeEnd());
    }

    /// <summary>How it ended, with its last lines: "vae ended with exit code 1: vae: there is no such checkpoint".</summary>
    public string DescribeEnd()
    {
        lock (_lastLines)
            return $"{Name} ended with exit code {Exited.Result}: {string.Join(Environment.NewLine, _lastLines)}";
    }

    /// <summary>Closes the service's input, waits for it to end its calls, and kills it where it does not.</summary>
    /// <param name="patience">Time that it gets.</param>
    /// <param name="hurry">Kills it at once.</param>
    public async Task StopAsync(TimeSpan patience, CancellationToken hurry = default)
    {
        _input.Close();
        try
        {
            await Exited.WaitAsync(patience, hurry);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await Exited;
        }
    }

    /// <summary>Stops it and lets go of it.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(_patience);
        _process.Dispose();
    }

    private async Task<string> ServeAsync(
        Func<string, CancellationToken, Task>? check, ChannelSecurity? security, CancellationToken cancellation)
    {
        var address = await _listening.Task.WaitAsync(cancellation);
        try
        {
            if (check is not null)
                await check(address, cancellation);
            await HealthWatch.WaitUntilServingAsync(address, cancellation, security);
        }
        catch (RpcException)
        {
            await Exited.WaitAsync(cancellation); // It listened, so it can only have ended.
            throw new IOException(DescribeEnd());
        }

        return address;
    }

    private async Task ForwardAsync(StreamReader lines)
    {
        while (await lines.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(WebLine, StringComparison.Ordinal))
                WebAddress = line[WebLine.Length..];
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
