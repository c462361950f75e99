using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;
using DenoiserClient = FluxGrpc.V1.DenoiserService.DenoiserServiceClient;

namespace FluxGrpc.ProcessTests.Denoiser;

/// <summary>A denoiser as a process of its own, on the embedded checkpoint in float32.</summary>
internal sealed class RunningDenoiser : IAsyncDisposable
{
    private const int TextTokens = 24;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    private readonly DenoiserServiceGetModelInfoResponse _model;

    private RunningDenoiser(ServiceProcess process, DenoiserServiceGetModelInfoResponse model)
    {
        Process = process;
        _model = model;
    }

    public ServiceProcess Process { get; }

    private DenoiserClient Client => new(Process.Channel);

    public static async Task<RunningDenoiser> StartAsync(params string[] arguments)
    {
        var process = await ServiceProcess.StartAsync("FluxGrpc.Denoiser",
            ["--address", "http://127.0.0.1:0", "--checkpoint", RealServicesFixture.Checkpoint, "--dtype", "float32", .. arguments]);
        try
        {
            await process.WaitUntilServingAsync();
            return new RunningDenoiser(process, await new DenoiserClient(process.Channel).GetModelInfoAsync(new()));
        }
        catch
        {
            await process.DisposeAsync();
            throw;
        }
    }

    /// <summary>Work of a session of <see cref="CreateSession"/>.</summary>
    public static long Work(int grid, int steps) => (long)steps * (grid * grid + TextTokens);

    public RandomSession CreateSession(int grid, int steps, int seed, Priority priority = Priority.Interactive)
    {
        var session = new RandomSession(_model, grid, TextTokens, steps, seed);
        session.Opening.Priority = priority;
        return session;
    }

    /// <summary>Sends an opening and leaves the answer to the test.</summary>
    public async Task<DenoiseCall> SendAsync(OpenSession opening)
    {
        var call = new DenoiseCall(Client.Denoise(deadline: (TimeProvider.System.GetUtcNow() + _patience).UtcDateTime));
        await call.SendAsync(opening);
        return call;
    }

    /// <summary>Opens a session and waits for its acceptance.</summary>
    public async Task<DenoiseCall> OpenAsync(OpenSession opening)
    {
        var call = await SendAsync(opening);
        Assert.NotNull((await call.ReadAsync()).Accepted);
        return call;
    }

    public async Task<GetLoadResponse> LoadAsync() => await Client.GetLoadAsync(new());

    /// <summary>Waits until the denoiser says of its load what the test waits for.</summary>
    public async Task<GetLoadResponse> WaitUntilAsync(Predicate<GetLoadResponse> fits)
    {
        var deadline = TimeProvider.System.GetUtcNow() + _patience;
        while (true)
        {
            var load = await LoadAsync();
            if (fits(load))
                return load;
            Assert.True(TimeProvider.System.GetUtcNow() < deadline, $"waited in vain: {load}\n{Process.Output}");
        }
    }

    public ValueTask DisposeAsync() => Process.DisposeAsync();

    /// <summary>Runs a whole session.</summary>
    public async Task<List<StepResult>> RunAsync(RandomSession session, int steps)
    {
        using var call = await OpenAsync(session.Opening);
        var results = new List<StepResult>();
        for (var index = 0; index < steps; index++)
            results.Add(await call.StepAsync(session.Step(index)));
        await call.HalfCloseAsync();
        Assert.Equal(StatusCode.OK, await call.EndAsync());
        return results;
    }
}
