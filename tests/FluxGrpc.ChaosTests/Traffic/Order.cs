using FluxGrpc.V1;

namespace FluxGrpc.ChaosTests.Traffic;

/// <summary>One picture that is ordered.</summary>
/// <param name="Number">Its place in the plan, from 0.</param>
/// <param name="Prompt">What to draw.</param>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="Steps">Denoising steps.</param>
/// <param name="Seed">Of the noise.</param>
/// <param name="Priority">Whose work comes first.</param>
internal sealed record Order(int Number, string Prompt, int Width, int Height, int Steps, ulong Seed, Priority Priority)
{
    /// <summary>Name in the timeline: "image-07".</summary>
    public string Name => $"image-{Number:00}";

    /// <summary>The order as a request.</summary>
    /// <param name="run">Tells two runs of the same order apart.</param>
    public GenerateRequest ToRequest(string run) => new()
    {
        Prompt = Prompt,
        Width = Width,
        Height = Height,
        Steps = Steps,
        Seed = Seed,
        Priority = Priority,
        RequestId = $"{run}/{Name}",
    };

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Width}x{Height}, {Steps} steps, seed {Seed}, {Priority}, \"{Prompt}\"";
}
