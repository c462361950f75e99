using System.CommandLine;
using System.Globalization;
using FluxGrpc.Cli.Generation;
using FluxGrpc.V1;
using Google.Protobuf;

namespace FluxGrpc.Cli.Commands;

/// <summary>The options of <c>flux generate</c> that say what the pictures are like.</summary>
internal sealed class ImageOptions
{
    private static readonly Dictionary<string, Sampler> _samplers = new()
    {
        ["euler"] = V1.Sampler.Euler,
        ["heun"] = V1.Sampler.Heun,
        ["dpmpp-2m"] = V1.Sampler.Dpmpp2M,
    };

    private static readonly Dictionary<string, ImageFormat> _formats = new()
    {
        [".png"] = ImageFormat.Png,
        [".jpg"] = ImageFormat.Jpeg,
        [".jpeg"] = ImageFormat.Jpeg,
        [".webp"] = ImageFormat.Webp,
    };

    private readonly Argument<string?> _prompt = new("prompt")
    {
        Description = "What to draw. Only with --from it may be left out.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<FileInfo> _from = new Option<FileInfo>("--from")
    {
        Description = "Picture of this program to make again: its settings are taken where no option gives others.",
        HelpName = "file",
    }.AcceptExistingOnly();

    private readonly Option<int?> _width = new("--width") { Description = "Width in pixels, a multiple of 16. Default: the model's." };
    private readonly Option<int?> _height = new("--height") { Description = "Height in pixels, a multiple of 16. Default: the model's." };
    private readonly Option<int?> _steps = new("--steps") { Description = "Denoising steps. Default: 28, for schnell 4." };
    private readonly Option<float?> _guidance = new("--guidance") { Description = "Strength of the distilled guidance. Default: 3.5." };
    private readonly Option<ulong?> _seed = new("--seed") { Description = "Seed of the first picture. Default: drawn." };
    private readonly Option<int?> _count = new("--count") { Description = "Number of pictures, of seeds seed, seed + 1, ... Default: 1." };

    private readonly Option<string?> _sampler = new Option<string?>("--sampler")
    {
        Description = "How the latents follow the velocity. Default: euler.",
    }.AcceptOnlyFromAmong([.. _samplers.Keys]);

    private readonly Option<float[]> _sigmas = new("--sigmas")
    {
        Description = "Timesteps to use instead of the model's schedule, falling from at most 1 to 0: --sigmas 1 0.7 0.3 0",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _negativePrompt = new("--negative-prompt")
    {
        Description = "What not to draw, by true classifier-free guidance: twice the work.",
    };

    private readonly Option<float?> _trueCfgScale = new("--true-cfg-scale")
    {
        Description = "Strength of the negative prompt, 1 to 100. Default: 4.",
    };

    private readonly Option<FileInfo> _initImage = new Option<FileInfo>("--init-image")
    {
        Description = "Picture to start from: PNG, JPEG or WebP.",
        HelpName = "file",
    }.AcceptExistingOnly();

    private readonly Option<float?> _strength = new("--strength")
    {
        Description = "How far to leave the picture to start from, above 0 to 1. Default: 0.6.",
    };

    private readonly Option<float?> _stepCacheThreshold = new("--step-cache-threshold")
    {
        Description = "Skip most of a step that changes little, above 0 to 1: 0.1 skips about half. Default: computes all.",
    };

    /// <summary>The file to write, whose name tells the type.</summary>
    public Option<string> Output { get; } = new("--output", "-o")
    {
        Description = "File to write: .png, .jpg or .webp; with --count 2 and more out-1.png, out-2.png, ...",
        DefaultValueFactory = _ => "out.png",
        HelpName = "file",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_prompt);
        foreach (var option in (Option[])[
            Output, _width, _height, _steps, _guidance, _seed, _count, _sampler, _sigmas, _negativePrompt, _trueCfgScale,
            _initImage, _strength, _stepCacheThreshold, _from])
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (result.GetResult(_prompt) is not { Tokens.Count: > 0 } && result.GetResult(_from) is null)
                result.AddError("Required argument missing: a prompt, or --from");
        });
    }

    /// <summary>The order that was given.</summary>
    /// <exception cref="CliException">A file cannot be used.</exception>
    public GenerateRequest Read(ParseResult parsed)
    {
        var request = parsed.GetValue(_from) is { } from ? PictureSettings.Read(from) : new GenerateRequest();
        if (parsed.GetValue(_prompt) is { } prompt)
            request.Prompt = prompt;
        Set(parsed, _width, value => request.Width = value);
        Set(parsed, _height, value => request.Height = value);
        Set(parsed, _steps, value => request.Steps = value);
        Set(parsed, _guidance, value => request.Guidance = value);
        Set(parsed, _seed, value => request.Seed = value);
        Set(parsed, _count, value => request.Count = value);
        Set(parsed, _trueCfgScale, value => request.TrueCfgScale = value);
        Set(parsed, _stepCacheThreshold, value => request.StepCacheThreshold = value);
        Set(parsed, _strength, value => request.Strength = value);
        if (parsed.GetValue(_negativePrompt) is { } negativePrompt)
            request.NegativePrompt = negativePrompt;
        if (parsed.GetValue(_sampler) is { } sampler)
            request.Sampler = _samplers[sampler];
        if (parsed.GetResult(_sigmas) is not null)
            SetSigmas(request, parsed.GetValue(_sigmas)!);
        if (parsed.GetValue(_initImage) is { } picture)
            request.InitImage = ByteString.CopyFrom(File.ReadAllBytes(picture.FullName));
        request.Format = FormatOf(parsed.GetRequiredValue(Output));
        return request;
    }

    private static void SetSigmas(GenerateRequest request, float[] sigmas)
    {
        request.Sigmas.Clear();
        request.Sigmas.Add(sigmas);
        request.ClearSteps();
    }

    private static void Set<T>(ParseResult parsed, Option<T?> option, Action<T> set)
        where T : struct
    {
        if (parsed.GetValue(option) is { } value)
            set(value);
    }

    private static ImageFormat FormatOf(string file) =>
        _formats.TryGetValue(Path.GetExtension(file).ToLower(CultureInfo.InvariantCulture), out var format)
            ? format
            : throw new CliException($"--output '{file}' has no type that can be written; allowed: {string.Join(", ", _formats.Keys)}");
}
