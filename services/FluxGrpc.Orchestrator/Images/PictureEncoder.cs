using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Images;

/// <summary>Has the autoencoder turn a picture into latents to start from.</summary>
internal sealed class PictureEncoder(ModelTier tier)
{
    /// <summary>Encodes a picture.</summary>
    /// <param name="pixels">Samples [H, W, 3], RGB.</param>
    /// <param name="grid">Its size.</param>
    /// <param name="vae">The autoencoder that it is meant for.</param>
    /// <param name="options">Deadline and cancellation of the caller.</param>
    /// <returns>Packed latents [N, 4Z], scaled and shifted.</returns>
    /// <exception cref="RpcException">The autoencoder failed.</exception>
    /// <exception cref="InvalidDataException">Its answer is not such latents.</exception>
    public async Task<float[]> EncodeAsync(byte[] pixels, PatchGrid grid, VaeServiceGetModelInfoResponse vae, CallOptions options)
    {
        var message = new VaeServiceEncodeRequest
        {
            Pixels = new Tensor
            {
                DataType = DataType.Uint8,
                Shape = { grid.Height, grid.Width, PngWriter.Channels },
                Data = UnsafeByteOperations.UnsafeWrap(pixels),
            },
        };
        var reply = await tier.Vaes.CallAsync(vae.Component.Fingerprint, async (channel, call) =>
            await new VaeService.VaeServiceClient(channel).EncodeAsync(message, call), options);
        if (TensorMessage.Problem(reply.Latents, DataType.Float32) is { } problem)
            throw new InvalidDataException($"The VAE's latents {problem}");
        if (!Shape.Is(reply.Latents, 1, vae.LatentChannels, PatchGrid.PatchSide * grid.Rows, PatchGrid.PatchSide * grid.Columns))
            throw new InvalidDataException($"The VAE's latents have shape {Shape.Format(reply.Latents.Shape)} for {grid}");
        if (!TensorMessage.AllFinite(reply.Latents))
            throw new InvalidDataException("The VAE's latents hold NaN or infinity");
        var latents = TensorMessage.ToFloats(reply.Latents);
        var packed = new float[latents.Length];
        LatentPacking.Pack(latents, grid, packed);
        return packed;
    }
}
