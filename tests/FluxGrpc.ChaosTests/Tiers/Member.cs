using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.ChaosTests.Tiers;

/// <summary>
/// A service at an address that stays the same over its process's deaths. Every process that lived here is one incarnation;
/// a denoiser's replica id tells which: "denoiser-1.2" is the second.
/// </summary>
/// <param name="name">Name in logs: "denoiser-1".</param>
/// <param name="start">How a process of it is started, without its address.</param>
/// <param name="address">Where the first one listens; port 0 takes a free one, which is then kept.</param>
internal sealed class Member(string name, ProgramStart start, string address) : IAsyncDisposable
{
    private static readonly TimeSpan _loadPatience = TimeSpan.FromSeconds(5);

    private readonly List<ServiceProcess> _incarnations = [];
    private volatile MemberState _state = MemberState.Down;

    public string Name => name;

    /// <summary>Where it listens; known after the first start.</summary>
    public string Address { get; private set; } = address;

    public MemberState State => _state;

    /// <summary>Command line of the next process, without its address.</summary>
    public IReadOnlyList<string> Arguments { get; set; } = start.Arguments;

    /// <summary>The latest process.</summary>
    public ServiceProcess Process => _incarnations[^1];

    /// <summary>Steps that earlier incarnations had answered when they were last asked.</summary>
    public long StepsOfTheDead { get; private set; }

    /// <summary>What each process wrote, by the incarnation's name.</summary>
    public IEnumerable<(string Name, string Output)> Logs =>
        _incarnations.Index().Select(incarnation => ($"{name}.{incarnation.Index + 1}", incarnation.Item.Output));

    /// <summary>True where the replica id is one of this member's incarnations'.</summary>
    public bool IsReplica(string replicaId) => replicaId.StartsWith($"{name}.", StringComparison.Ordinal);

    /// <summary>Starts a process and waits until it serves.</summary>
    public async Task StartAsync()
    {
        await LaunchAsync();
        await Process.WaitUntilServingAsync();
        _state = MemberState.Up;
    }

    /// <summary>Starts a process and waits until it listens; what it serves may not be there yet.</summary>
    public async Task LaunchAsync()
    {
        // A test that is killed must not leave services behind.
        List<string> arguments = ["--address", Address, "--exit-with-parent", "true", .. Arguments];
        if (start.Program == "FluxGrpc.Denoiser")
            arguments.AddRange(["--replica-id", $"{name}.{_incarnations.Count + 1}"]);
        _incarnations.Add(await ServiceProcess.StartAsync(start with { Arguments = arguments }));
        Address = Process.Address;
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _state = MemberState.Down;
        await RememberStepsAsync();
        await Process.KillAsync();
    }

    /// <summary>SIGTERM, and waits for the end.</summary>
    public async Task TerminateAsync()
    {
        _state = MemberState.Down;
        await RememberStepsAsync();
        await Process.TerminateAsync();
    }

    /// <summary>SIGSTOP.</summary>
    public void Freeze()
    {
        _state = MemberState.Silent;
        Process.Freeze();
    }

    /// <summary>SIGCONT.</summary>
    public void Thaw()
    {
        Process.Thaw();
        _state = MemberState.Up;
    }

    /// <summary>What a denoiser says of itself.</summary>
    public async Task<GetLoadResponse> LoadAsync()
    {
        using var patience = new CancellationTokenSource(_loadPatience);
        return await new DenoiserService.DenoiserServiceClient(Process.Channel)
            .GetLoadAsync(new GetLoadRequest(), cancellationToken: patience.Token);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var incarnation in _incarnations)
            await incarnation.DisposeAsync();
    }

    private async Task RememberStepsAsync()
    {
        if (start.Program != "FluxGrpc.Denoiser")
            return;
        try
        {
            StepsOfTheDead += (await LoadAsync()).StepsDone;
        }
        catch (RpcException)
        {
            // It did not answer in time: its steps are not counted, which errs on the lenient side.
        }
    }
}
