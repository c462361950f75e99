using FluxGrpc.V1;
using Google.Protobuf;
using Microsoft.Extensions.AI;
using Names = FluxGrpc.Client.AI.FluxImageProperties;

namespace FluxGrpc.Client.AI;

/// <summary>A request of Microsoft.Extensions.AI as a request of ours.</summary>
/// <param name="Request">What the server is asked for.</param>
/// <param name="Progress">Who wants to know of the events on the way.</param>
internal sealed record ImageOrder(GenerateRequest Request, IProgress<GenerateResponse>? Progress)
{
    private static readonly Dictionary<string, Sampler> _samplers = new(StringComparer.OrdinalIgnoreCase)
    {
        ["euler"] = Sampler.Euler,
        ["heun"] = Sampler.Heun,
        ["dpmpp_2m"] = Sampler.Dpmpp2M,
    };

    private static readonly Dictionary<string, Priority> _priorities = new(StringComparer.OrdinalIgnoreCase)
    {
        ["interactive"] = Priority.Interactive,
        ["batch"] = Priority.Batch,
    };

    private static readonly Dictionary<string, ImageFormat> _formats = new(StringComparer.OrdinalIgnoreCase)
    {
        ["image/png"] = ImageFormat.Png,
        ["image/jpeg"] = ImageFormat.Jpeg,
        ["image/webp"] = ImageFormat.Webp,
    };

    private static readonly Dictionary<string, Action<GenerateRequest, PropertyValue>> _setters = new(StringComparer.OrdinalIgnoreCase)
    {
        [Names.Seed] = (request, value) => request.Seed = value.AsInteger<ulong>(),
        [Names.Steps] = (request, value) => request.Steps = value.AsInteger<int>(),
        [Names.Guidance] = (request, value) => request.Guidance = value.AsNumber(),
        [Names.Strength] = (request, value) => request.Strength = value.AsNumber(),
        [Names.NegativePrompt] = (request, value) => request.NegativePrompt = value.AsText(),
        [Names.TrueCfgScale] = (request, value) => request.TrueCfgScale = value.AsNumber(),
        [Names.StepCacheThreshold] = (request, value) => request.StepCacheThreshold = value.AsNumber(),
        [Names.Sampler] = (request, value) => request.Sampler = value.AsChoice(_samplers),
        [Names.Sigmas] = (request, value) => SetSigmas(request, value.AsNumbers()),
        [Names.T5Prompt] = (request, value) => request.T5Prompt = value.AsText(),
        [Names.MaxTokens] = (request, value) => request.MaxTokens = value.AsInteger<int>(),
        [Names.Priority] = (request, value) => request.Priority = value.AsChoice(_priorities),
        [Names.RequestId] = (request, value) => request.RequestId = value.AsText(),
        [Names.PreviewInterval] = (request, value) => request.PreviewInterval = value.AsInteger<int>(),
    };

    private static string Allowed => string.Join(", ", _setters.Keys);

    /// <summary>
    /// Reads a request. What the options say goes before what their <see cref="ImageGenerationOptions.RawRepresentationFactory"/> says.
    /// </summary>
    /// <exception cref="ArgumentException">Something that this generator cannot do; the server refuses the rest.</exception>
    public static ImageOrder Read(ImageGenerationRequest request, ImageGenerationOptions? options, IImageGenerator generator)
    {
        var order = options?.RawRepresentationFactory?.Invoke(generator) as GenerateRequest ?? new GenerateRequest();
        if (request.Prompt is { } prompt)
            order.Prompt = prompt;
        ReadOriginals(request.OriginalImages, order);
        if (options is null)
            return new ImageOrder(order, Progress: null);

        ReadOptions(options, order);
        return new ImageOrder(order, ReadProperties(options.AdditionalProperties, order));
    }

    private static void ReadOriginals(IEnumerable<AIContent>? originals, GenerateRequest order)
    {
        var images = originals?.ToArray() ?? [];
        if (images.Length > 1)
            throw new ArgumentException($"OriginalImages has {images.Length} images; allowed: one");
        if (images is not [var image])
            return;
        if (image is not DataContent data || !data.HasTopLevelMediaType("image"))
            throw new ArgumentException($"OriginalImages has a {Describe(image)}; allowed: a DataContent with a PNG, JPEG or WebP file");
        order.InitImage = ByteString.CopyFrom(data.Data.Span);
    }

    private static string Describe(AIContent content) =>
        content is DataContent data ? $"{nameof(DataContent)} of type {data.MediaType}" : content.GetType().Name;

    private static void ReadOptions(ImageGenerationOptions options, GenerateRequest order)
    {
        if (options.Count is { } count)
            order.Count = count;
        if (options.ImageSize is { } size)
            (order.Width, order.Height) = (size.Width, size.Height);
        if (options.MediaType is { } type)
        {
            order.Format = _formats.TryGetValue(type, out var format)
                ? format
                : throw new ArgumentException($"MediaType is '{type}'; allowed: {string.Join(", ", _formats.Keys)}");
        }

        if (options.ResponseFormat is { } response and not ImageGenerationResponseFormat.Data)
            throw new ArgumentException($"ResponseFormat is {response}; allowed: {nameof(ImageGenerationResponseFormat.Data)}");
        if (options.StreamingCount is > 0 and var images)
        {
            throw new ArgumentException($"StreamingCount is {images}; allowed: 0, for this interface has no stream; "
                + $"AdditionalProperties[\"{Names.Progress}\"] is told of the steps, with previews every [\"{Names.PreviewInterval}\"]");
        }
    }

    private static IProgress<GenerateResponse>? ReadProperties(AdditionalPropertiesDictionary? properties, GenerateRequest order)
    {
        IProgress<GenerateResponse>? progress = null;
        foreach (var (name, value) in properties ?? [])
        {
            if (value is null)
                continue;
            if (string.Equals(name, Names.Progress, StringComparison.OrdinalIgnoreCase))
                progress = new PropertyValue(name, value).As<IProgress<GenerateResponse>>();
            else if (_setters.TryGetValue(name, out var set))
                set(order, new PropertyValue(name, value));
            else
                throw new ArgumentException($"AdditionalProperties has '{name}'; allowed: {Allowed}, {Names.Progress}");
        }

        return progress;
    }

    private static void SetSigmas(GenerateRequest request, IReadOnlyList<float> sigmas)
    {
        request.Sigmas.Clear();
        request.Sigmas.Add(sigmas);
    }
}
