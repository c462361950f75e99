using System.Globalization;
using System.Runtime.InteropServices;
using FluxGrpc.Cluster.V1;

namespace FluxGrpc.LocalCluster.Processes;

/// <summary>
/// A service of the cluster, over as many processes as it takes: once it has served it is started again whenever it ends by itself,
/// after a delay that grows, until it fails to start several times in a row.
/// </summary>
/// <param name="command">How it is started.</param>
/// <param name="supervision">Log, clock, and whom to tell that it is given up.</param>
internal sealed class SupervisedService(ServiceCommand command, Supervision supervision) : IAsyncDisposable
{
    /// <summary>Time that it gets to end its calls when the whole cluster ends.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stopping = new();
    private readonly RestartBackoff _backoff = new(supervision.Time);
    private volatile ServiceProcess? _process;
    private volatile ProcessState _state = ProcessState.Starting;
    private volatile bool _stopped;
    private volatile string _address = command.Address;
    private volatile string _webAddress = command.WebAddress;
    private volatile int _restarts;
    private Task _watch = Task.CompletedTask;

    /// <summary>Its name in the cluster: "denoiser-2".</summary>
    public string Name => command.Name;

    /// <summary>Where it listens: from its first start on the port that was free, where it was asked for any.</summary>
    public string Address => _address;

    /// <summary>Where it serves a web page: as <see cref="Address"/>; empty where it serves none.</summary>
    public string WebAddress => _webAddress;

    /// <summary>What it does.</summary>
    public ProcessState State =>
        _stopped ? ProcessState.Ended : _stopping.IsCancellationRequested ? ProcessState.Draining : _state;

    /// <summary>Starts it for the first time and waits until it serves; it is looked after from then on.</summary>
    /// <param name="cancellation">Gives up waiting.</param>
    /// <param name="check">Looks at the service as soon as it listens; what it throws ends the wait.</param>
    /// <exception cref="IOException">It ended; the message has its last lines.</exception>
    public async Task StartAsync(CancellationToken cancellation, Func<string, CancellationToken, Task>? check = null)
    {
        _process = Launch();
        _address = await _process.WaitUntilServingAsync(cancellation, check, command.Security);
        _webAddress = _process.WebAddress;
        SetServing();
        _watch = WatchAsync(_process, _stopping.Token);
    }

    /// <summary>
    /// Tells it to stop, which lets it hand its work on, waits for its end, and kills it where that does not come. It drains as
    /// soon as this returns a task.
    /// </summary>
    /// <param name="patience">Time that it gets.</param>
    /// <param name="hurry">Kills it at once.</param>
    public async Task StopAsync(TimeSpan patience, CancellationToken hurry)
    {
        await _stopping.CancelAsync();
        await _watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_process is not null)
            await _process.StopAsync(patience, hurry);
        _stopped = true;
    }

    /// <summary>The service as it is now.</summary>
    public ClusterProcess Describe() => new()
    {
        Name = Name,
        ProcessId = _process?.Id ?? 0,
        Address = Address,
        Device = command.Device,
        State = State,
        Restarts = _restarts,
        ResidentMemoryBytes = _process?.ResidentMemory ?? 0,
    };

    /// <summary>Stops it.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(_patience, CancellationToken.None);
        if (_process is not null)
            await _process.DisposeAsync();
        _stopping.Dispose();
    }

    private async Task WatchAsync(ServiceProcess process, CancellationToken stop)
    {
        try
        {
            var exitCode = await process.Exited.WaitAsync(stop);
            while (_backoff.Ended() is { } delay)
            {
                _state = ProcessState.Restarting;
                supervision.Log(string.Create(CultureInfo.InvariantCulture,
                    $"cluster: {Name} ended with exit code {exitCode}; it is started again in {delay.TotalSeconds:0.#} s"));
                await process.DisposeAsync();
                await Task.Delay(delay, supervision.Time, stop);
                process = await RestartAsync(stop);
                exitCode = await process.Exited.WaitAsync(stop);
            }

            GiveUp(string.Create(CultureInfo.InvariantCulture,
                $"{RestartBackoff.MaxFailedStarts} starts of {Name} failed in a row; the last: {process.DescribeEnd()}"));
        }
        catch (IOException exception)
        {
            GiveUp(exception.Message); // There is not even room for its process.
        }
    }

    private void GiveUp(string reason)
    {
        _state = ProcessState.Ended;
        supervision.GaveUp(reason);
    }

    /// <summary>Starts it again and waits until it serves or has ended once more.</summary>
    private async Task<ServiceProcess> RestartAsync(CancellationToken stop)
    {
        var process = Launch();
        _process = process;
        _restarts++;
        _state = ProcessState.Starting;
        try
        {
            await process.WaitUntilServingAsync(stop, check: null, command.Security);
            SetServing();
            supervision.Log($"cluster: {Name} serves again");
        }
        catch (IOException)
        {
            // It has ended, which whoever watches it sees.
        }

        return process;
    }

    private void SetServing()
    {
        _backoff.Served();
        _state = ProcessState.Serving;
    }

    private ServiceProcess Launch() => ServiceProcess.Start(Name, DotnetProgram(),
    [
        Path.Combine(AppContext.BaseDirectory, $"{command.Assembly}.dll"), "--address", Address, "--exit-with-parent", "true",
        .. command.Arguments, .. WebAddress.Length > 0 ? new[] { "--web-address", WebAddress } : [],
    ], supervision.Log);

    /// <summary>The dotnet program of the runtime that runs this process: three folders above the framework's own.</summary>
    private static string DotnetProgram()
    {
        var program = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        var installed = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", program));
        return File.Exists(installed) ? installed : program;
    }
}
