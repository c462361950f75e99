using System.Globalization;
using System.Text.RegularExpressions;
using FluxGrpc.V1;
using Google.Protobuf;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>A request for images of OpenAI's API, understood.</summary>
/// <param name="Request">What the orchestrator is asked for.</param>
/// <param name="Model">Name of the model that the caller wants; null where that does not matter.</param>
/// <param name="Stream">Answer with events.</param>
/// <param name="PartialImages">Events with previews on the way to each image.</param>
internal sealed partial record ImageOrder(GenerateRequest Request, string? Model, bool Stream, int PartialImages)
{
    private const string Auto = "auto";
    private const int MostPartialImages = 3;

    /// <summary>What this API calls the contract's fields.</summary>
    public static FieldNames Names { get; } = new(new Dictionary<string, string>
    {
        ["width"] = "size: width",
        ["height"] = "size: height",
        ["count"] = "n",
        ["preview_interval"] = "partial_images",
        ["init_image"] = "image",
    });

    /// <summary>Reads a request for images of a prompt.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT with everything that is wrong.</exception>
    public static ImageOrder ReadGeneration(RequestFields fields)
    {
        fields.OneOf("style", "vivid", "natural");
        fields.OneOf("moderation", Auto, "low");
        return Read(fields, new GenerateRequest());
    }

    /// <summary>Reads a request for images that start from another one.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT with everything that is wrong.</exception>
    public static async Task<ImageOrder> ReadEditAsync(RequestFields fields, CancellationToken cancellation)
    {
        var request = new GenerateRequest();
        var image = await fields.RequiredFileAsync("image", cancellation);
        request.InitImage = UnsafeByteOperations.UnsafeWrap(image);
        if (fields.Number("strength") is { } strength)
            request.Strength = strength;
        fields.OneOf("input_fidelity", "high", "low");
        return Read(fields, request);
    }

    /// <summary>The steps, from 1, whose previews are sent: evenly spread; fewer where there are few steps.</summary>
    public IEnumerable<int> PartialSteps(int steps) => Enumerable.Range(1, PartialImages)
        .Select(i => i * steps / (PartialImages + 1))
        .Where(step => step > 0)
        .Distinct();

    /// <summary>
    /// Reads what both have. What only chooses among OpenAI's own models, prices or file sizes (quality, style, input_fidelity, moderation,
    /// user, output_compression) is checked and otherwise ignored; what cannot be done (a URL, a transparent background) is refused.
    /// </summary>
    private static ImageOrder Read(RequestFields fields, GenerateRequest request)
    {
        request.Prompt = fields.RequiredText("prompt");
        if (fields.Integer("n") is { } count)
            request.Count = count;
        ReadSize(fields, request);
        request.Format = fields.OneOf("output_format", "png", "jpeg", "webp") switch
        {
            "jpeg" => ImageFormat.Jpeg,
            "webp" => ImageFormat.Webp,
            _ => ImageFormat.Png,
        };
        ReadOwnFields(fields, request);
        var model = fields.Text("model");
        var stream = fields.Flag("stream");
        var partialImages = fields.Integer("partial_images", 0, MostPartialImages) ?? 0;
        if (partialImages > 0 && !stream)
            fields.Add("partial_images", "is given without stream; allowed: 0, or stream true");
        request.PreviewInterval = partialImages > 0 ? 1 : 0; // Which of them to send is known when the number of steps is.

        fields.OneOf("response_format", "b64_json");
        fields.OneOf("background", Auto, "opaque");
        fields.OneOf("quality", Auto, "low", "medium", "high", "standard", "hd");
        fields.Integer("output_compression", 0, 100);
        fields.Text("user");
        fields.Finish();
        return new ImageOrder(request, StandsForAny(model) ? null : model, stream, partialImages);
    }

    /// <summary>Reads this server's additions to that API.</summary>
    private static void ReadOwnFields(RequestFields fields, GenerateRequest request)
    {
        if (fields.Seed("seed") is { } seed)
            request.Seed = seed;
        if (fields.Integer("steps") is { } steps)
            request.Steps = steps;
        if (fields.Number("guidance") is { } guidance)
            request.Guidance = guidance;
        if (fields.Text("negative_prompt") is { } negativePrompt)
            request.NegativePrompt = negativePrompt;
        if (fields.Number("true_cfg_scale") is { } scale)
            request.TrueCfgScale = scale;
        if (fields.Number("step_cache_threshold") is { } threshold)
            request.StepCacheThreshold = threshold;
        request.Sampler = fields.OneOf("sampler", "euler", "heun", "dpmpp_2m") switch
        {
            "heun" => Sampler.Heun,
            "dpmpp_2m" => Sampler.Dpmpp2M,
            _ => Sampler.Euler,
        };
    }

    private static void ReadSize(RequestFields fields, GenerateRequest request)
    {
        if (fields.Text("size") is not { } size || size == Auto)
            return;
        if (Size().Match(size) is { Success: true } match)
        {
            request.Width = int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            request.Height = int.Parse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
        }
        else
        {
            fields.Add("size", $"is '{size}'; allowed: auto, or width and height as in 1024x1024");
        }
    }

    /// <summary>Many programs cannot be told another name than OpenAI's own: those stand for whatever is served here.</summary>
    private static bool StandsForAny(string? model) =>
        model is null || model.StartsWith("dall-e-", StringComparison.Ordinal) || model.StartsWith("gpt-image-", StringComparison.Ordinal);

    [GeneratedRegex("^([0-9]{1,6})x([0-9]{1,6})$", RegexOptions.CultureInvariant)]
    private static partial Regex Size();
}
