using System.Globalization;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Generation;

/// <summary>Reads the order that a picture was made by from the picture's own metadata.</summary>
internal static class PictureSettings
{
    private const string StrengthKey = "strength";

    /// <summary>Reads a picture.</summary>
    /// <exception cref="CliException">
    /// It is no picture of this program, or was made from another picture, which it does not hold.
    /// </exception>
    public static GenerateRequest Read(FileInfo file)
    {
        try
        {
            var bytes = File.ReadAllBytes(file.FullName);
            var settings = PictureReader.ReadSettings(bytes);
            if (!settings.ContainsKey("prompt") || !settings.ContainsKey("seed"))
                throw new CliException($"{file} does not say how it was made");
            if (settings.ContainsKey(StrengthKey))
                throw new CliException($"{file} was made from another picture, which it does not hold; use --init-image");
            var (width, height) = PictureReader.ReadSize(bytes);
            return ToRequest(settings, width, height);
        }
        catch (Exception exception) when (exception is InvalidDataException or FormatException or OverflowException)
        {
            throw new CliException($"{file} {exception.Message}");
        }
    }

    private static GenerateRequest ToRequest(IReadOnlyDictionary<string, string> settings, int width, int height)
    {
        var request = new GenerateRequest
        {
            Prompt = settings["prompt"],
            Width = width,
            Height = height,
            Seed = ulong.Parse(settings["seed"], CultureInfo.InvariantCulture),
        };
        Apply("steps", text => request.Steps = int.Parse(text, CultureInfo.InvariantCulture));
        Apply("guidance", text => request.Guidance = float.Parse(text, CultureInfo.InvariantCulture));
        Apply("max_tokens", text => request.MaxTokens = int.Parse(text, CultureInfo.InvariantCulture));
        Apply("t5_prompt", text => request.T5Prompt = text);
        Apply("negative_prompt", text => request.NegativePrompt = text);
        Apply("true_cfg_scale", text => request.TrueCfgScale = float.Parse(text, CultureInfo.InvariantCulture));
        Apply("step_cache_threshold", text => request.StepCacheThreshold = float.Parse(text, CultureInfo.InvariantCulture));
        Apply("sigmas", text => request.Sigmas.Add(text.Split(' ').Select(sigma => float.Parse(sigma, CultureInfo.InvariantCulture))));
        Apply("sampler", text => request.Sampler = OnTheWire(text));
        return request;

        void Apply(string key, Action<string> set)
        {
            if (settings.TryGetValue(key, out var text))
                set(text);
        }
    }

    private static V1.Sampler OnTheWire(string sampler) => sampler switch
    {
        nameof(SamplerKind.Euler) => V1.Sampler.Euler,
        nameof(SamplerKind.Heun) => V1.Sampler.Heun,
        nameof(SamplerKind.DpmSolver2M) => V1.Sampler.Dpmpp2M,
        _ => throw new InvalidDataException($"was made by the sampler '{sampler}', which this program does not have"),
    };
}
