using System.Globalization;
using FluxGrpc.LocalCluster;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;

namespace FluxGrpc.ChaosTests.Tiers;

/// <summary>
/// An orchestrator, a text encoder, a VAE and denoisers on the embedded checkpoint: real processes over TCP, each on a loopback
/// address of its own where the system has more than one, so that a restarted one finds its port free.
/// </summary>
internal sealed class ProcessTier : IAsyncDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _pollInterval = TimeSpan.FromMilliseconds(50);

    private readonly TimeProvider _time;

    private ProcessTier(IReadOnlyList<Member> denoisers, TimeProvider time)
    {
        _time = time;
        TextEncoder = Model("text-encoder", "FluxGrpc.TextEncoder", host: 1);
        Vae = Model("vae", "FluxGrpc.Vae", host: 2);
        Denoisers = denoisers;
    }

    public Member TextEncoder { get; }

    public Member Vae { get; }

    public IReadOnlyList<Member> Denoisers { get; }

    public Member Orchestrator { get; private set; } = null!;

    public IEnumerable<Member> Members => [Orchestrator, Vae, TextEncoder, .. Denoisers];

    public ImageGenerationService.ImageGenerationServiceClient Client => new(Orchestrator.Process.Channel);

    /// <summary>Starts all of them and waits until the orchestrator serves.</summary>
    /// <param name="denoisers">How many.</param>
    public static Task<ProcessTier> StartAsync(int denoisers) => StartAsync(denoisers, Addresses);

    /// <summary>Starts all of them and waits until the orchestrator serves.</summary>
    /// <param name="denoisers">How many.</param>
    /// <param name="target">Where the orchestrator finds the started denoisers.</param>
    public static Task<ProcessTier> StartAsync(int denoisers, Func<IReadOnlyList<Member>, string> target) =>
        StartAsync([.. Enumerable.Range(1, denoisers).Select(Denoiser)], target);

    /// <summary>Starts a tier whose denoisers live elsewhere.</summary>
    /// <param name="denoisers">The denoisers, not started.</param>
    /// <param name="target">Where the orchestrator finds the started ones.</param>
    public static async Task<ProcessTier> StartAsync(
        IReadOnlyList<Member> denoisers, Func<IReadOnlyList<Member>, string> target)
    {
        var tier = new ProcessTier(denoisers, TimeProvider.System);
        try
        {
            await Task.WhenAll([tier.TextEncoder.StartAsync(), tier.Vae.StartAsync(), .. tier.Denoisers.Select(d => d.StartAsync())]);
            tier.Orchestrator = new Member("orchestrator", new ProgramStart("FluxGrpc.Orchestrator",
            [
                "--text-encoder", tier.TextEncoder.Address, "--vae", tier.Vae.Address,
                "--denoiser", target(tier.Denoisers),
            ]), Loopback(3));
            await tier.Orchestrator.StartAsync();
            return tier;
        }
        catch
        {
            await tier.DisposeAsync();
            throw;
        }
    }

    /// <summary>A denoiser on a loopback address of its own, not started.</summary>
    /// <param name="number">Its number, from 1.</param>
    public static Member Denoiser(int number) => Denoiser(number, Loopback(10 + number));

    /// <summary>A denoiser, not started.</summary>
    /// <param name="number">Its number, from 1.</param>
    /// <param name="address">Where it is to listen.</param>
    /// <param name="wrapper">See <see cref="ProgramStart.Wrapper"/>.</param>
    public static Member Denoiser(int number, string address, params IReadOnlyList<string> wrapper)
    {
        var start = new ProgramStart("FluxGrpc.Denoiser", [.. ModelArguments, "--batch-invariant", "true"])
        {
            Environment = OneThread,
            Wrapper = wrapper,
        };
        return new Member($"denoiser-{number}", start, address);
    }

    /// <summary>Starts the orchestrator again with another step timeout.</summary>
    /// <param name="stepTimeout">Time without an answer after which a step is given up; whole seconds.</param>
    public async Task RestartOrchestratorAsync(TimeSpan stepTimeout)
    {
        await Orchestrator.TerminateAsync();
        Orchestrator.Arguments =
            [.. Orchestrator.Arguments, "--step-timeout-seconds", stepTimeout.TotalSeconds.ToString(CultureInfo.InvariantCulture)];
        await Orchestrator.StartAsync();
    }

    /// <summary>What the orchestrator says of the tier.</summary>
    public async Task<GetStatusResponse> StatusAsync() => await Client.GetStatusAsync(new GetStatusRequest());

    /// <summary>What all denoisers say of themselves once none of them has a session.</summary>
    /// <exception cref="TimeoutException">They still have sessions after a minute.</exception>
    public async Task<IReadOnlyList<GetLoadResponse>> IdleLoadsAsync()
    {
        return await PollAsync(
            () => Task.WhenAll(Denoisers.Select(denoiser => denoiser.LoadAsync())),
            loads => loads.All(load => load.Sessions == 0 && load.WaitingSessions == 0 && load.QueuedWork == 0),
            loads => string.Join("; ", loads.Select(load => $"{load}")));
    }

    /// <summary>What the orchestrator says as soon as it is as wished.</summary>
    /// <exception cref="TimeoutException">That is not so after a minute.</exception>
    public Task<GetStatusResponse> StatusWhenAsync(Predicate<GetStatusResponse> isSo) =>
        PollAsync(StatusAsync, isSo, status => $"{status}");

    /// <summary>What the orchestrator says once all services are ready and nothing is in hand.</summary>
    /// <exception cref="TimeoutException">That is not so after a minute.</exception>
    public Task<GetStatusResponse> IdleStatusAsync() => PollAsync(
        StatusAsync,
        status => status.Generations == 0 && status.Waiting == 0 && status.Components.All(component => component.Ready),
        status => $"{status}");

    /// <summary>Ends all by SIGTERM, the orchestrator first.</summary>
    /// <returns>What did not end with exit code 0, one line each.</returns>
    public async Task<IReadOnlyList<string>> StopAsync()
    {
        List<string> problems = [];
        foreach (var member in Members)
        {
            await member.Process.TerminateAsync();
            if (member.Process.ExitCode != 0)
                problems.Add($"{member.Name} ended with exit code {member.Process.ExitCode} at SIGTERM");
        }

        return problems;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Member?[] members = [Orchestrator, Vae, TextEncoder, .. Denoisers];
        foreach (var member in members.OfType<Member>())
            await member.DisposeAsync();
    }

    /// <summary>Threads that wait for one another waste a machine on which more of them run than it has cores.</summary>
    private static Dictionary<string, string> OneThread => new() { ["OMP_NUM_THREADS"] = "1" };

    private static string[] ModelArguments => ["--checkpoint", EmbeddedCheckpoint.Folder, "--device", "cpu", "--dtype", "float32"];

    private static string Addresses(IEnumerable<Member> denoisers) => string.Join(',', denoisers.Select(denoiser => denoiser.Address));

    private static Member Model(string name, string program, int host) =>
        new(name, new ProgramStart(program, ModelArguments) { Environment = OneThread }, Loopback(host));

    /// <summary>Only Linux answers on all of 127.0.0.0/8.</summary>
    private static string Loopback(int host) => OperatingSystem.IsLinux() ? $"http://127.0.0.{host}:0" : "http://127.0.0.1:0";

    private async Task<T> PollAsync<T>(Func<Task<T>> ask, Predicate<T> fits, Func<T, string> describe)
    {
        var started = _time.GetTimestamp();
        while (true)
        {
            var answer = await ask();
            if (fits(answer))
                return answer;
            if (_time.GetElapsedTime(started) > _patience)
                throw new TimeoutException($"Not so after {_patience.TotalSeconds} s: {describe(answer)}");
            await Task.Delay(_pollInterval, _time);
        }
    }
}
