using FluxGrpc.V1;

namespace FluxGrpc.Cli.Evaluation;

/// <summary>A row of the evaluation: how its pictures are drawn.</summary>
/// <param name="Name">Name of the row.</param>
/// <param name="Steps">Denoising steps; null for the server's default.</param>
/// <param name="Guidance">Strength of the guidance; null for the server's default.</param>
internal sealed record EvaluationSetting(string Name, int? Steps = null, float? Guidance = null)
{
    /// <summary>A picture order.</summary>
    public GenerateRequest ToRequest(string prompt, ulong seed)
    {
        var request = new GenerateRequest { Prompt = prompt, Seed = seed };
        if (Steps is { } steps)
            request.Steps = steps;
        if (Guidance is { } guidance)
            request.Guidance = guidance;
        return request;
    }
}
