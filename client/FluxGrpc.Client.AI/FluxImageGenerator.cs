using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.AI;

namespace FluxGrpc.Client.AI;

/// <summary>
/// Microsoft.Extensions.AI's <see cref="IImageGenerator"/> on a FluxGrpc server. Text to image, or image to image from one original
/// image; <see cref="FluxImageProperties"/> has the names of the additional properties, and a
/// <see cref="ImageGenerationOptions.RawRepresentationFactory"/> may return a <see cref="GenerateRequest"/>.
/// <para>
/// Each content of the response is a <see cref="DataContent"/> with the file, its seed in the additional properties, and the
/// <see cref="GeneratedImage"/> as raw representation; that of the response is a <see cref="FluxGeneration"/>. Its usage counts the
/// prompt's T5 tokens and the image tokens.
/// </para>
/// </summary>
/// <param name="client">The server; stays open when the generator is disposed of.</param>
public sealed class FluxImageGenerator(FluxClient client) : IImageGenerator
{
    private const string ProviderName = "fluxgrpc";
    private const int PixelsPerToken = 16 * 16;

    private readonly ImageGeneratorMetadata _metadata = new(ProviderName, new Uri(client.Address));

    /// <summary>Makes pictures. Cancelling stops the work on the server within one step.</summary>
    /// <exception cref="ArgumentException">
    /// A value that is refused, here or by the server: the message is then the server's, the inner <see cref="FluxException"/> has it
    /// field by field.
    /// </exception>
    /// <exception cref="HttpRequestException">The server was not reached, or the connection broke.</exception>
    /// <exception cref="TimeoutException">The server ran out of time.</exception>
    /// <exception cref="FluxException">The server failed for another reason.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public async Task<ImageGenerationResponse> GenerateAsync(
        ImageGenerationRequest request, ImageGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var order = ImageOrder.Read(request, options, this);
        try
        {
            return await GenerateAsync(order, options?.ModelId, cancellationToken);
        }
        catch (FluxException failure) when (Translate(failure) is { } natural)
        {
            throw natural;
        }
    }

    /// <summary>This generator, its <see cref="FluxClient"/>, or <see cref="ImageGeneratorMetadata"/>.</summary>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null)
            return null;
        return serviceType == typeof(ImageGeneratorMetadata) ? _metadata
            : serviceType == typeof(FluxClient) ? client
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <summary>Nothing to do: the client belongs to whoever made it.</summary>
    public void Dispose()
    {
    }

    private async Task<ImageGenerationResponse> GenerateAsync(ImageOrder order, string? modelId, CancellationToken cancellation)
    {
        var images = new SortedList<int, AIContent>();
        GenerationAccepted? accepted = null;
        PromptEncoded? encoded = null;
        GenerationFinished? finished = null;
        await foreach (var happened in client.GenerateAsync(order.Request, cancellation))
        {
            order.Progress?.Report(happened);
            accepted = happened.Accepted ?? accepted;
            encoded = happened.Encoded ?? encoded;
            finished = happened.Finished ?? finished;
            if (happened.Accepted is { ModelName: var model } && modelId is not null && modelId != model)
                throw new ArgumentException($"ModelId is '{modelId}'; allowed: '{model}', the server's only model, or left out");
            if (happened.Image is { } image)
                images.Add(image.ImageIndex, ContentOf(image));
        }

        if (accepted is null || encoded is null || finished is null)
            throw new InvalidOperationException($"The server at {client.Address} ended the call before all was done");
        return new ImageGenerationResponse([.. images.Values])
        {
            Usage = UsageOf(accepted.Settings, encoded),
            RawRepresentation = new FluxGeneration(accepted, encoded, finished),
        };
    }

    private static DataContent ContentOf(GeneratedImage image) => new(image.Data.Memory, image.MediaType)
    {
        Name = $"{image.Seed}.{image.MediaType["image/".Length..]}",
        RawRepresentation = image,
        AdditionalProperties = new() { [FluxImageProperties.Seed] = image.Seed },
    };

    private static UsageDetails UsageOf(GenerationSettings settings, PromptEncoded encoded)
    {
        var input = Math.Min(encoded.T5Usage.TokenCount, encoded.T5Usage.Limit);
        var output = (long)settings.Width * settings.Height / PixelsPerToken * settings.Count;
        return new UsageDetails
        {
            InputTokenCount = input,
            InputTextTokenCount = input,
            OutputTokenCount = output,
            TotalTokenCount = input + output,
            CachedInputTokenCount = encoded.Cached ? input : 0,
        };
    }

    /// <summary>What .NET code that knows nothing of this server expects.</summary>
    private static Exception? Translate(FluxException failure) => failure switch
    {
        { IsConnectionLost: true } => new HttpRequestException(HttpRequestError.ConnectionError, failure.Message, failure),
        { Status: StatusCode.InvalidArgument } => new ArgumentException(failure.Message, failure),
        { Status: StatusCode.DeadlineExceeded } => new TimeoutException(failure.Message, failure),
        _ => null,
    };
}
