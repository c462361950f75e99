using System.Globalization;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>Follows the orchestrator's events and tells them as OpenAI's API does.</summary>
internal sealed class ImageRun
{
    private const string Background = "opaque";
    private const string Quality = "auto";
    private const string PreviewFormat = "png";

    private GenerationSettings _settings = new();
    private int _textTokens;
    private int _image = -1;
    private int _partials;

    private string Format => _settings.Format switch
    {
        ImageFormat.Jpeg => "jpeg",
        ImageFormat.Webp => "webp",
        _ => "png",
    };

    /// <summary>Takes note of an event.</summary>
    public void Follow(GenerateResponse response)
    {
        if (response.Accepted is { } accepted)
            _settings = accepted.Settings;
        else if (response.Encoded is { } encoded)
            _textTokens = Math.Min(encoded.T5Usage.TokenCount, encoded.T5Usage.Limit);
    }

    /// <summary>The answer with all images.</summary>
    public ImagesAnswer Answer(IReadOnlyList<GeneratedImage> images, DateTimeOffset now) => new(
        now.ToUnixTimeSeconds(), [.. images.Select(image => new ImageData(image.Data.Memory, SeedOf(image)))],
        Background, Format, Quality, SizeOf(_settings.Width, _settings.Height), Usage(images.Count));

    /// <summary>An event with a finished image.</summary>
    /// <param name="kind">"image_generation" or "image_edit".</param>
    /// <param name="image">The image.</param>
    /// <param name="now">The time.</param>
    public ImageEvent Completed(string kind, GeneratedImage image, DateTimeOffset now) =>
        new($"{kind}.completed", image.Data.Memory, now.ToUnixTimeSeconds(), Background, Format, Quality,
            SizeOf(_settings.Width, _settings.Height))
        {
            Usage = Usage(1),
            Seed = SeedOf(image),
        };

    /// <summary>An event with a step's preview; null where the step is not one whose preview is wanted.</summary>
    /// <param name="kind">"image_generation" or "image_edit".</param>
    /// <param name="step">The step.</param>
    /// <param name="wanted">Numbers, from 1, of the steps whose preview is wanted.</param>
    /// <param name="now">The time.</param>
    public ImageEvent? Partial(string kind, StepCompleted step, IEnumerable<int> wanted, DateTimeOffset now)
    {
        if (!wanted.Contains(step.StepIndex + 1))
            return null;
        if (_image != step.ImageIndex)
            (_image, _partials) = (step.ImageIndex, 0);
        return new($"{kind}.partial_image", step.Preview.Memory, now.ToUnixTimeSeconds(), Background, PreviewFormat, Quality,
            SizeOf(_settings.Width / LatentPreview.PixelsPerSample, _settings.Height / LatentPreview.PixelsPerSample))
        {
            PartialImageIndex = _partials++,
        };
    }

    /// <summary>Tokens as the network sees them: T5's of the prompt, and one for each 16×16 pixels.</summary>
    private TokensUsed Usage(int images)
    {
        var pixelsOfToken = PatchGrid.PixelsPerPatch * PatchGrid.PixelsPerPatch;
        var imageTokens = images * (_settings.Width * _settings.Height / pixelsOfToken);
        return new TokensUsed(_textTokens, imageTokens, _textTokens + imageTokens, new TokensOfInput(_textTokens, 0));
    }

    private static string SizeOf(int width, int height) => string.Create(CultureInfo.InvariantCulture, $"{width}x{height}");

    private static string SeedOf(GeneratedImage image) => image.Seed.ToString(CultureInfo.InvariantCulture);
}
