using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Images;

/// <summary>Has the autoencoder turn the last latents into pixels.</summary>
internal sealed class ImageDecoder(ModelTier tier)
{
    /// <summary>Decodes an image whose steps are done.</summary>
    /// <param name="image">The image.</param>
    /// <param name="fingerprint">The autoencoder that it is meant for.</param>
    /// <param name="options">Deadline and cancellation of the caller.</param>
    /// <returns>Pixels, UINT8 [H, W, 3], RGB.</returns>
    /// <exception cref="RpcException">The autoencoder failed.</exception>
    /// <exception cref="InvalidDataException">Its answer is not such a picture.</exception>
    public async Task<Tensor> DecodeAsync(DenoisingImage image, string fingerprint, CallOptions options)
    {
        var message = new DecodeRequest
        {
            Latents = image.LatentsMessage(),
            Grid = image.Grid.ToMessage(),
            PixelDataType = DataType.Uint8,
        };
        var reply = await tier.Vaes.CallAsync(fingerprint, async (channel, call) =>
            await new VaeService.VaeServiceClient(channel).DecodeAsync(message, call), options);
        if (TensorMessage.Problem(reply.Pixels, DataType.Uint8) is { } problem)
            throw new InvalidDataException($"The VAE's pixels {problem}");
        if (!Shape.Is(reply.Pixels, image.Grid.Height, image.Grid.Width, PngWriter.Channels))
            throw new InvalidDataException($"The VAE's pixels have shape {Shape.Format(reply.Pixels.Shape)} for {image.Grid}");
        return reply.Pixels;
    }
}
