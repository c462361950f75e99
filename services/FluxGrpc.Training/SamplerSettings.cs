namespace FluxGrpc.Training;

/// <summary>How pictures are drawn.</summary>
/// <param name="Steps">Denoising steps.</param>
/// <param name="Guidance">Strength of the guidance.</param>
/// <param name="Mode">How the guidance is brought to bear.</param>
internal readonly record struct SamplerSettings(int Steps, float Guidance, GuidanceMode Mode);
