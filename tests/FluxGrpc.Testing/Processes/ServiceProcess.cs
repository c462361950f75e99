using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using FluxGrpc.Channels;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Net.Client;

namespace FluxGrpc.Testing.Processes;

/// <summary>One of our programs as a child process. Ends it in the end, whatever happened; its output goes into failures.</summary>
public sealed partial class ServiceProcess : IAsyncDisposable
{
    private const int SigKill = 9;
    private const int SigTerm = 15;

    // These two have other numbers on macOS.
    private static readonly int _sigStop = OperatingSystem.IsMacOS() ? 17 : 19;
    private static readonly int _sigContinue = OperatingSystem.IsMacOS() ? 19 : 18;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan _restOfOutput = TimeSpan.FromSeconds(10); // A child of its own may hold the pipe open.

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly TaskCompletionSource<string> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _fittingLine = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Predicate<string>? _fits;
    private readonly ChannelSecurity _security;
    private GrpcChannel? _channel;

    private ServiceProcess(Process process, ChannelSecurity security, Predicate<string>? fits)
    {
        _process = process;
        _security = security;
        _fits = fits;
    }

    /// <summary>Where it listens.</summary>
    public string Address => _address.Task.Result;

    /// <summary>Where it serves a web page; empty where it serves none.</summary>
    public string WebAddress { get; private set; } = "";

    /// <summary>Where Prometheus finds its metrics; empty where it shows none.</summary>
    public string MetricsAddress { get; private set; } = "";

    /// <summary>A channel to it.</summary>
    public GrpcChannel Channel => _channel ??= ServiceChannel.Create(ServiceAddress.Parse(Address), _security);

    /// <summary>Everything it wrote so far.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>Its process id.</summary>
    public int ProcessId => _process.Id;

    /// <summary>Exit code of a process that has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Starts a program that lies beside the test and waits until it listens.</summary>
    /// <param name="program">Assembly name: "FluxGrpc.Denoiser".</param>
    /// <param name="arguments">Its command line.</param>
    public static Task<ServiceProcess> StartAsync(string program, params string[] arguments) =>
        StartAsync(new ProgramStart(program, arguments));

    /// <summary>Starts a program that lies beside the test and waits until it listens.</summary>
    public static async Task<ServiceProcess> StartAsync(ProgramStart start)
    {
        var service = Launch(start);
        try
        {
            await service._address.Task.WaitAsync(_patience);
            return service;
        }
        catch (Exception exception)
        {
            await service.DisposeAsync();
            throw new InvalidOperationException($"{start.Program} did not start listening:\n{service.Output}", exception);
        }
    }

    /// <summary>Runs a program to its end.</summary>
    public static async Task<ServiceProcess> RunAsync(string program, params string[] arguments)
    {
        var service = Launch(new ProgramStart(program, arguments));
        await service.WaitForExitAsync();
        return service;
    }

    /// <summary>Starts a program and waits until it has written a line that fits.</summary>
    public static async Task<ServiceProcess> RunUntilAsync(string program, Predicate<string> fits, params string[] arguments)
    {
        var service = Launch(new ProgramStart(program, arguments), fits);
        try
        {
            await service._fittingLine.Task.WaitAsync(_patience);
            return service;
        }
        catch (Exception exception)
        {
            await service.DisposeAsync();
            throw new InvalidOperationException($"{program} did not write the line waited for:\n{service.Output}", exception);
        }
    }

    /// <summary>Waits until grpc.health.v1 says SERVING.</summary>
    public async Task WaitUntilServingAsync()
    {
        using var timeout = new CancellationTokenSource(_patience);
        while (true)
        {
            using var watch = new Health.HealthClient(Channel).Watch(new HealthCheckRequest(), cancellationToken: timeout.Token);
            try
            {
                await foreach (var response in watch.ResponseStream.ReadAllAsync(timeout.Token))
                {
                    if (response.Status == HealthCheckResponse.Types.ServingStatus.Serving)
                        return;
                }
            }
            catch (RpcException exception) when (exception.Status.DebugException is not null
                && !_process.HasExited && !timeout.IsCancellationRequested)
            {
                // A machine with much to do may take longer for a handshake than the client waits.
            }
            catch (RpcException exception)
            {
                throw new InvalidOperationException($"Not SERVING:\n{Output}", exception);
            }
        }
    }

    /// <summary>SIGTERM, then waits for the end.</summary>
    public async Task TerminateAsync()
    {
        _ = kill(_process.Id, SigTerm);
        await WaitForExitAsync();
    }

    /// <summary>SIGKILL, then waits for the end.</summary>
    public async Task KillAsync()
    {
        _ = kill(_process.Id, SigKill);
        await WaitForExitAsync();
    }

    /// <summary>SIGSTOP: the process stands still, its connections stay open.</summary>
    public void Freeze() => _ = kill(_process.Id, _sigStop);

    /// <summary>SIGCONT: the process goes on where it stood.</summary>
    public void Thaw() => _ = kill(_process.Id, _sigContinue);

    /// <summary>Waits for the end.</summary>
    public async Task WaitForExitAsync()
    {
        using var timeout = new CancellationTokenSource(_patience);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"Still running after {_patience}:\n{Output}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        using var patience = new CancellationTokenSource(_restOfOutput);
        await _process.WaitForExitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Reads all that it said.
        _process.Dispose();
    }

    private static ServiceProcess Launch(ProgramStart program, Predicate<string>? fits = null)
    {
        string[] command =
            [.. program.Wrapper, "dotnet", Path.Combine(AppContext.BaseDirectory, $"{program.Program}.dll"), .. program.Arguments];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true, // Held open: --exit-with-parent waits for its end.
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["FLUX_ORCHESTRATOR_WEB_ADDRESS"] = "http://127.0.0.1:0"; // Several may run at once.
        foreach (var (name, value) in program.Environment)
            start.Environment[name] = value;
        var service = new ServiceProcess(new Process { StartInfo = start, EnableRaisingEvents = true }, program.Security, fits);
        service._process.OutputDataReceived += (_, line) => service.OnOutput(line.Data);
        service._process.ErrorDataReceived += (_, line) => service.OnOutput(line.Data);
        service._process.Exited += (_, _) => service.OnExit();
        service._process.Start();
        service._process.BeginOutputReadLine();
        service._process.BeginErrorReadLine();
        return service;
    }

    private void OnOutput(string? line)
    {
        const string Prefix = "Listening on ";
        const string WebPrefix = "Web page at ";
        const string MetricsPrefix = "Metrics at ";
        if (line is null)
            return;
        _output.Enqueue(line);
        if (line.StartsWith(WebPrefix, StringComparison.Ordinal))
            WebAddress = line[WebPrefix.Length..];
        if (line.StartsWith(MetricsPrefix, StringComparison.Ordinal))
            MetricsAddress = line[MetricsPrefix.Length..];
        if (line.StartsWith(Prefix, StringComparison.Ordinal))
            _address.TrySetResult(line[Prefix.Length..]);
        if (_fits is not null && _fits(line))
            _fittingLine.TrySetResult();
    }

    private void OnExit()
    {
        var ended = new InvalidOperationException("It has ended");
        _address.TrySetException(ended);
        _fittingLine.TrySetException(ended);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int processId, int signal);
}
