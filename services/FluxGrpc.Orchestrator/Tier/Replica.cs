using FluxGrpc.Channels;
using FluxGrpc.Orchestrator.Sampling;
using Grpc.Core;
using Grpc.Net.Client;
using OpenTelemetry;
using Polly.Timeout;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// One service process behind the orchestrator: the channel to it, and what is known of it. Its counters belong to the
/// <see cref="ReplicaSet"/> that holds it, under that set's lock.
/// </summary>
internal sealed class Replica : IAsyncDisposable
{
    // A service may ask for more; it is tried again all the same.
    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan _doubt = TimeSpan.FromSeconds(1);

    private readonly GrpcChannel _channel;
    private readonly ReplicaMonitor _monitor;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _monitoring;
    private long _pausedUntilTicks;

    /// <summary>Connects, and follows the replica's health from now on.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="address">Where it listens.</param>
    /// <param name="security">Whom to trust there and what to show.</param>
    /// <param name="changed">Called when it became usable or stopped being so.</param>
    /// <param name="time">The clock of its pauses and timeouts.</param>
    public Replica(ServiceKind kind, ServiceAddress address, ChannelSecurity security, Action changed, TimeProvider time)
    {
        Address = address;
        _time = time;
        _channel = ServiceChannel.Create(address, security);
        Circuit = new ReplicaCircuit(time, changed);
        _monitor = new ReplicaMonitor(_channel, kind, Circuit, changed, time);
        using (SuppressInstrumentationScope.Begin()) // Its watch is part of no request, and would be a trace of its own.
            _monitoring = Task.Run(() => _monitor.RunAsync(_end.Token));
    }

    /// <summary>Where it listens.</summary>
    public ServiceAddress Address { get; }

    /// <summary>For the clients of the service.</summary>
    public ChannelBase Channel => _channel;

    /// <summary>What exchanges with it go through.</summary>
    public ReplicaCircuit Circuit { get; }

    /// <summary>Its model while it is SERVING, or null.</summary>
    public ReplicaModel? Model => _monitor.Model;

    /// <summary>False before the first news of it.</summary>
    public bool HasReported => _monitor.HasReported;

    /// <summary>True where it keeps silent or went without a word.</summary>
    public bool IsLost => _monitor.IsLost;

    /// <summary>What keeps it from working, or null.</summary>
    public string? Problem => _monitor.Problem ?? (Circuit.LetsThrough ? null : "circuit open: its calls kept failing");

    /// <summary>Time for which it asked to be left alone.</summary>
    public TimeSpan PauseLeft => new DateTimeOffset(Volatile.Read(ref _pausedUntilTicks), TimeSpan.Zero) - _time.GetUtcNow();

    /// <summary>Work that this orchestrator has given it.</summary>
    public long Outstanding { get; set; }

    /// <summary>Pieces of that work: sessions or calls.</summary>
    public int Pieces { get; set; }

    /// <summary>Leases that need its channel.</summary>
    public int Users { get; set; }

    /// <summary>Number of the choice that it was chosen in last.</summary>
    public long LastChoice { get; set; }

    /// <summary>True when it is no longer listed: it finishes what it has.</summary>
    public bool IsRetired { get; set; }

    /// <summary>True where it has a model and is well; it may have asked to be left alone.</summary>
    public bool Serves(string fingerprint) => Problem is null && Model?.Fingerprint == fingerprint;

    /// <summary>True where it can be given work on a model.</summary>
    public bool CanServe(string fingerprint) => Serves(fingerprint) && PauseLeft <= TimeSpan.Zero;

    /// <summary>Learns from an exchange that came to its end.</summary>
    public void NoteProgress() => _monitor.ReportProgress();

    /// <summary>Learns from an exchange that failed.</summary>
    public void NoteFailure(Exception failure)
    {
        switch (failure)
        {
            case TimeoutRejectedException:
                _monitor.ReportStall();
                break;
            case RpcException rpc when ComponentErrors.RetryDelay(rpc) is { } delay:
                Pause(delay < _longestPause ? delay : _longestPause);
                break;
            case RpcException { StatusCode: StatusCode.FailedPrecondition } or SessionLostException:
                Pause(_doubt);
                break;
        }
    }

    /// <summary>Cuts the connection off.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _monitoring.ContinueWith(static _ => { }, TaskScheduler.Default);
        _channel.Dispose();
        _end.Dispose();
    }

    private void Pause(TimeSpan pause) => Volatile.Write(ref _pausedUntilTicks, (_time.GetUtcNow() + pause).UtcTicks);
}
