using System.Globalization;
using FluxGrpc.Checkpoints;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf;

namespace FluxGrpc.Cli.Recording;

/// <summary>
/// Everything that passed between orchestrator and denoiser for one image. As a file: safetensors with <c>txt</c> [1, L, C],
/// <c>vec</c> [1, P], <c>sigmas</c> [steps + 1], and for step K <c>latents.K</c> and <c>velocity.K</c> [1, N, 64].
/// </summary>
internal sealed record SessionRecording
{
    private const string Format = "flux-recording-1";

    /// <summary>T5 hidden states [1, L, C].</summary>
    public required Tensor HiddenStates { get; init; }

    /// <summary>CLIP's pooled vector [1, P].</summary>
    public required Tensor Pooled { get; init; }

    /// <summary>Timesteps: one more than there are steps.</summary>
    public required IReadOnlyList<float> Sigmas { get; init; }

    /// <summary>Packed latents [1, N, 64] that went into each step.</summary>
    public required IReadOnlyList<Tensor> Latents { get; init; }

    /// <summary>Velocity [1, N, 64] that came out of each step.</summary>
    public required IReadOnlyList<Tensor> Velocities { get; init; }

    /// <summary>The image's patch grid.</summary>
    public required LatentGrid Grid { get; init; }

    /// <summary>Strength of the distilled guidance; null for models without.</summary>
    public float? Guidance { get; init; }

    /// <summary>Fingerprint of the model that answered.</summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>What was drawn; for people.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Name of the model; for people.</summary>
    public string ModelName { get; init; } = "";

    /// <summary>The image's seed; for people.</summary>
    public ulong Seed { get; init; }

    /// <summary>Writes the recording.</summary>
    public void Write(string path)
    {
        var tensors = new List<TensorContent> { Content("txt", HiddenStates), Content("vec", Pooled), Content("sigmas", OfSigmas()) };
        for (var step = 0; step < Latents.Count; step++)
        {
            tensors.Add(Content(Name("latents", step), Latents[step]));
            tensors.Add(Content(Name("velocity", step), Velocities[step]));
        }

        var metadata = new Dictionary<string, string>
        {
            ["format"] = Format,
            ["rows"] = Text(Grid.Rows),
            ["columns"] = Text(Grid.Columns),
            ["fingerprint"] = Fingerprint,
            ["prompt"] = Prompt,
            ["model"] = ModelName,
            ["seed"] = Text(Seed),
        };
        if (Guidance is { } guidance)
            metadata["guidance"] = Text(guidance);
        SafetensorsWriter.Write(path, tensors, metadata);
    }

    /// <summary>Reads a recording.</summary>
    /// <exception cref="InvalidDataException">The file cannot be read, or is none; the message says what is wrong.</exception>
    public static SessionRecording Read(string path)
    {
        using var file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("format") != Format)
            throw new InvalidDataException($"'{path}' is not a recording: its metadata lacks format = {Format}");

        var sigmas = Message(file, "sigmas");
        if (sigmas.DataType != DataType.Float32 || sigmas.Shape.Count != 1 || sigmas.Shape[0] < 2)
            throw new InvalidDataException($"'{path}' has sigmas of shape {Shape.Format(sigmas.Shape)}; allowed: FLOAT32 [2 or more]");
        var steps = Enumerable.Range(0, (int)sigmas.Shape[0] - 1).ToList();
        return new SessionRecording
        {
            HiddenStates = Message(file, "txt"),
            Pooled = Message(file, "vec"),
            Sigmas = TensorMessage.ToFloats(sigmas),
            Latents = [.. steps.Select(step => Message(file, Name("latents", step)))],
            Velocities = [.. steps.Select(step => Message(file, Name("velocity", step)))],
            Grid = new LatentGrid { Rows = Number<int>(file, "rows"), Columns = Number<int>(file, "columns") },
            Guidance = file.Metadata.ContainsKey("guidance") ? Number<float>(file, "guidance") : null,
            Fingerprint = file.Metadata.GetValueOrDefault("fingerprint", ""),
            Prompt = file.Metadata.GetValueOrDefault("prompt", ""),
            ModelName = file.Metadata.GetValueOrDefault("model", ""),
            Seed = Number<ulong>(file, "seed"),
        };
    }

    private Tensor OfSigmas() => TensorMessage.FromFloats([.. Sigmas], Sigmas.Count);

    private static TensorContent Content(string name, Tensor tensor) => new(
        name,
        tensor.DataType switch
        {
            DataType.Float32 => StorageType.Float32,
            DataType.Bfloat16 => StorageType.BFloat16,
            _ => throw new ArgumentException($"{name} is {DataTypes.Name(tensor.DataType)}; recordings hold FLOAT32 and BFLOAT16"),
        },
        [.. tensor.Shape],
        tensor.Data.Memory);

    private static Tensor Message(SafetensorsFile file, string name)
    {
        var bytes = file.Bytes(name);
        var entry = file.Tensors[name];
        var message = new Tensor
        {
            DataType = entry.Type switch
            {
                StorageType.Float32 => DataType.Float32,
                StorageType.BFloat16 => DataType.Bfloat16,
                _ => throw new InvalidDataException($"'{file.Name}' has {entry}; recordings hold F32 and BF16"),
            },
            Data = ByteString.CopyFrom(bytes),
        };
        message.Shape.AddRange(entry.Shape);
        return message;
    }

    private static T Number<T>(SafetensorsFile file, string key)
        where T : IParsable<T>
    {
        var text = file.Metadata.GetValueOrDefault(key);
        return T.TryParse(text, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new InvalidDataException($"'{file.Name}' has {key} = '{text}' in its metadata, which is not a number");
    }

    private static string Name(string tensor, int step) => string.Create(CultureInfo.InvariantCulture, $"{tensor}.{step}");

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
