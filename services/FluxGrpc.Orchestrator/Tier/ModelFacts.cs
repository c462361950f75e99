using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>What the three services behind the orchestrator say of their models, which fit one another.</summary>
internal sealed record ModelFacts
{
    /// <summary>T5 length that FLUX.1-schnell was trained with.</summary>
    private const int SchnellMaxTokens = 256;

    private const int LeastTokens = 2;
    private const int PixelsPerLatent = PatchGrid.PixelsPerPatch / PatchGrid.PatchSide;

    private ModelFacts(TextEncoderServiceGetModelInfoResponse textEncoder, DenoiserServiceGetModelInfoResponse denoiser,
        VaeServiceGetModelInfoResponse vae)
    {
        TextEncoder = textEncoder;
        Denoiser = denoiser;
        Vae = vae;
    }

    /// <summary>The text encoders.</summary>
    public TextEncoderServiceGetModelInfoResponse TextEncoder { get; }

    /// <summary>The transformer.</summary>
    public DenoiserServiceGetModelInfoResponse Denoiser { get; }

    /// <summary>The autoencoder.</summary>
    public VaeServiceGetModelInfoResponse Vae { get; }

    /// <summary>Name of the model as a whole: the transformer's.</summary>
    public string ModelName => Denoiser.Component.ModelName;

    /// <summary>True where any of the models has random weights.</summary>
    public bool RandomWeights =>
        TextEncoder.Component.RandomWeights || Denoiser.Component.RandomWeights || Vae.Component.RandomWeights;

    /// <summary>True where guidance is an input of the network and the schedule is shifted.</summary>
    public bool IsGuidanceDistilled => Denoiser.Variant == FluxVariant.Dev;

    /// <summary>Largest T5 length L; also the default.</summary>
    public int MaxTokens => Math.Min(
        Math.Min(TextEncoder.MaxTokens, Denoiser.MaxTextTokens), IsGuidanceDistilled ? int.MaxValue : SchnellMaxTokens);

    /// <summary>Largest width · height that the denoiser and the autoencoder take.</summary>
    public long MaxPixels => Math.Min(
        Vae.MaxPixels, (long)Denoiser.MaxImageTokens * PatchGrid.PixelsPerPatch * PatchGrid.PixelsPerPatch);

    /// <summary>Puts the answers of the three services together.</summary>
    /// <exception cref="RpcException">FAILED_PRECONDITION that says what does not fit.</exception>
    public static ModelFacts Of(TextEncoderServiceGetModelInfoResponse textEncoder, DenoiserServiceGetModelInfoResponse denoiser,
        VaeServiceGetModelInfoResponse vae)
    {
        var facts = new ModelFacts(textEncoder, denoiser, vae);
        string[] mismatches = [.. facts.Mismatches()];
        return mismatches.Length == 0
            ? facts
            : throw RpcErrors.FailedPrecondition("MODELS_DO_NOT_FIT", "models",
                $"The models do not fit one another: {string.Join("; ", mismatches)}");
    }

    /// <summary>The timesteps of an image.</summary>
    public float[] Timesteps(int steps, PatchGrid grid) =>
        IsGuidanceDistilled ? Schedule.Shifted(steps, grid.TokenCount) : Schedule.Even(steps);

    private IEnumerable<string> Mismatches()
    {
        if (Denoiser.Variant is not (FluxVariant.Dev or FluxVariant.Schnell))
            yield return $"the denoiser's variant {Denoiser.Variant} is unknown";
        if (Denoiser.ContextSize != TextEncoder.HiddenSize)
        {
            yield return $"the denoiser takes hidden states of width {Denoiser.ContextSize}, "
                + $"the text encoder gives {TextEncoder.HiddenSize}";
        }

        if (Denoiser.PooledSize != TextEncoder.PooledSize)
        {
            yield return $"the denoiser takes a pooled vector of width {Denoiser.PooledSize}, "
                + $"the text encoder gives {TextEncoder.PooledSize}";
        }

        if (Denoiser.InChannels != LatentPacking.PatchArea * Vae.LatentChannels)
        {
            yield return $"the denoiser takes tokens of {Denoiser.InChannels} channels, "
                + $"the VAE's {Vae.LatentChannels} latent channels make {LatentPacking.PatchArea * Vae.LatentChannels}";
        }

        if (Vae.DownscaleFactor != PixelsPerLatent)
            yield return $"the VAE has {Vae.DownscaleFactor} pixels per latent; allowed: {PixelsPerLatent}";
        if (MaxTokens < LeastTokens)
            yield return $"the text encoder and the denoiser have at most {MaxTokens} text tokens in common";
    }
}
