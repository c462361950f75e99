using FluxGrpc.Denoiser;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;
using FluxGrpc.TextEncoder;
using FluxGrpc.Vae;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>A service as it is deployed, and what its program takes.</summary>
/// <param name="Name">Its name and its image's: "denoiser".</param>
/// <param name="Program">Assembly name.</param>
/// <param name="Port">Port of its default address.</param>
/// <param name="Variables">The environment variables that its program reads.</param>
/// <param name="Read">Reads the options from an environment as the program does.</param>
internal sealed record ServiceImage(
    string Name, string Program, int Port, IReadOnlySet<string> Variables, Func<Func<string, string?>, ServiceOptions> Read)
{
    /// <summary>The three services that hold a model.</summary>
    public static IReadOnlyList<ServiceImage> Models { get; } =
    [
        Of<TextEncoderOptions>(TextEncoderServer.Name, "FluxGrpc.TextEncoder"),
        Of<DenoiserOptions>(DenoiserServer.Name, "FluxGrpc.Denoiser"),
        Of<VaeOptions>(VaeServer.Name, "FluxGrpc.Vae"),
    ];

    /// <summary>The orchestrator.</summary>
    public static ServiceImage Orchestrator { get; } = Of<OrchestratorOptions>(OrchestratorServer.Name, "FluxGrpc.Orchestrator");

    /// <summary>All four.</summary>
    public static IReadOnlyList<ServiceImage> All { get; } = [.. Models, Orchestrator];

    /// <summary>A service by its name.</summary>
    public static ServiceImage Named(string name) => All.Single(image => image.Name == name);

    private static ServiceImage Of<TOptions>(string name, string program)
        where TOptions : ServiceOptions, new()
    {
        var reader = new OptionsReader<TOptions>(name);
        return new ServiceImage(name, program, new Uri(new TOptions().Address).Port,
            reader.Describe().Select(option => option.Variable).ToHashSet(), environment => reader.Read([], environment));
    }
}
