using FluxGrpc.Torch.Kernels;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>Picture to latents and back. Reference: <c>AutoEncoder</c>; parameter names are those of <c>ae.safetensors</c>.</summary>
/// <remarks>
/// B is the batch, H × W the picture's size in pixels, Z the latent channels (16). Latents are 8 times smaller along each side
/// where there are four levels; more generally by <see cref="AutoEncoderConfig.DownscaleFactor"/>. Inputs may have any
/// floating type: scale and shift are applied in it, the network computes in the type of its weights.
/// </remarks>
public sealed class AutoEncoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "encoder")] private readonly Encoder _encoder;
    [ComponentName(Name = "decoder")] private readonly Decoder _decoder;
    private readonly Scalar _scale;
    private readonly Scalar _shift;

    /// <summary>Makes an autoencoder with torch's own initial weights.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="device">Device of the parameters; META for one that is filled from a checkpoint.</param>
    /// <param name="kernels">How to compute; null is the plain way, the one with gradients.</param>
    public AutoEncoder(AutoEncoderConfig config, Device? device = null, ComputeKernels? kernels = null) : base(nameof(AutoEncoder))
    {
        ArgumentNullException.ThrowIfNull(config);
        _scale = config.ScalingFactor;
        _shift = config.ShiftFactor;
        _encoder = new Encoder(config, kernels ?? ComputeKernels.Plain, device);
        _decoder = new Decoder(config, kernels ?? ComputeKernels.Plain, device);
        RegisterComponents();
    }

    /// <summary>Encodes and decodes, without sampling.</summary>
    /// <param name="image">Picture [B, 3, H, W] in [-1, 1].</param>
    /// <returns>Picture [B, 3, H, W] in the type of the weights.</returns>
    public override Tensor forward(Tensor image)
    {
        using var latents = Encode(image);
        return Decode(latents);
    }

    /// <summary>Decodes latents as the denoiser has them.</summary>
    /// <param name="latents">Latents [B, Z, H/8, W/8].</param>
    /// <returns>Picture [B, 3, H, W], nominally in [-1, 1], in the type of the weights.</returns>
    public Tensor Decode(Tensor latents)
    {
        using var scope = NewDisposeScope();
        var z = (latents / _scale) + _shift;
        return _decoder.call(z.to(_decoder.WeightType)).MoveToOuterDisposeScope();
    }

    /// <summary>Encodes a picture to the mean of its latents, as the denoiser has them.</summary>
    /// <param name="image">Picture [B, 3, H, W] in [-1, 1]; H and W multiples of the downscale factor.</param>
    /// <returns>Latents [B, Z, H/8, W/8] in float32.</returns>
    public Tensor Encode(Tensor image)
    {
        using var moments = EncodeMoments(image);
        return ToLatents(moments);
    }

    /// <summary>Encodes a picture to the distribution of its latents, before scale and shift.</summary>
    /// <param name="image">Picture [B, 3, H, W] in [-1, 1]; H and W multiples of the downscale factor.</param>
    /// <returns>Mean, then log-variance: [B, 2Z, H/8, W/8], in the type of the weights.</returns>
    public Tensor EncodeMoments(Tensor image)
    {
        using var scope = NewDisposeScope();
        return _encoder.call(image.to(_encoder.WeightType)).MoveToOuterDisposeScope();
    }

    /// <summary>Takes the mean of the moments and applies scale and shift.</summary>
    /// <param name="moments">Mean, then log-variance: [B, 2Z, H/8, W/8].</param>
    /// <returns>Latents [B, Z, H/8, W/8] in float32.</returns>
    public Tensor ToLatents(Tensor moments)
    {
        using var scope = NewDisposeScope();
        var mean = moments.chunk(2, dim: 1)[0].to(ScalarType.Float32);      // [B, Z, H/8, W/8]
        return ((mean - _shift) * _scale).MoveToOuterDisposeScope();
    }
}
