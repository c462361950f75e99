using System.Globalization;

namespace FluxGrpc.Testing.Processes;

/// <summary>The four services as four processes over TCP on the loopback, wired together and SERVING.</summary>
public sealed class RealServices : IAsyncDisposable
{
    private RealServices(ServiceProcess textEncoder, ServiceProcess denoiser, ServiceProcess vae, ServiceProcess orchestrator)
    {
        TextEncoder = textEncoder;
        Denoiser = denoiser;
        Vae = vae;
        Orchestrator = orchestrator;
    }

    /// <summary>The text encoder.</summary>
    public ServiceProcess TextEncoder { get; }

    /// <summary>The denoiser.</summary>
    public ServiceProcess Denoiser { get; }

    /// <summary>The VAE.</summary>
    public ServiceProcess Vae { get; }

    /// <summary>The orchestrator.</summary>
    public ServiceProcess Orchestrator { get; }

    /// <summary>
    /// Starts all four on free ports, computing in float32 on the CPU. A picture's bytes do not depend on what else the denoiser does:
    /// whether prompt and negative prompt meet in one pass is a matter of milliseconds.
    /// </summary>
    /// <param name="checkpoint">A Hugging Face folder.</param>
    /// <param name="maxSessions">Sessions that the denoiser takes at once.</param>
    /// <param name="orchestratorOptions">More of the orchestrator's command line.</param>
    public static async Task<RealServices> StartAsync(
        string checkpoint, int maxSessions = 8, params IEnumerable<string> orchestratorOptions)
    {
        string[] common = ["--address", "http://127.0.0.1:0", "--checkpoint", checkpoint, "--device", "cpu", "--dtype", "float32"];
        var models = await Task.WhenAll(
            ServiceProcess.StartAsync("FluxGrpc.TextEncoder", common),
            ServiceProcess.StartAsync("FluxGrpc.Denoiser",
                [.. common, "--batch-invariant", "true", "--max-sessions", maxSessions.ToString(CultureInfo.InvariantCulture)]),
            ServiceProcess.StartAsync("FluxGrpc.Vae", common));
        var orchestrator = await ServiceProcess.StartAsync("FluxGrpc.Orchestrator",
        [
            "--address", "http://127.0.0.1:0",
            "--text-encoder", models[0].Address, "--denoiser", models[1].Address, "--vae", models[2].Address, .. orchestratorOptions,
        ]);
        var services = new RealServices(models[0], models[1], models[2], orchestrator);
        await orchestrator.WaitUntilServingAsync();
        return services;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var service in new[] { Orchestrator, Vae, Denoiser, TextEncoder })
            await service.DisposeAsync();
    }
}
