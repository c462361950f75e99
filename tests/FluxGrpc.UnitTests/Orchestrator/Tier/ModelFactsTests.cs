using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

public sealed class ModelFactsTests
{
    public static TheoryData<string, Action<TextEncoderServiceGetModelInfoResponse, DenoiserServiceGetModelInfoResponse,
        VaeServiceGetModelInfoResponse>> Mismatches() => new()
    {
        { "hidden states of width 6, the text encoder gives 48", (text, _, _) => text.HiddenSize = 48 },
        { "a pooled vector of width 5, the text encoder gives 7", (text, _, _) => text.PooledSize = 7 },
        { "tokens of 8 channels, the VAE's 16 latent channels make 64", (_, _, vae) => vae.LatentChannels = 16 },
        { "the VAE has 4 pixels per latent; allowed: 8", (_, _, vae) => vae.DownscaleFactor = 4 },
        { "at most 1 text tokens in common", (_, denoiser, _) => denoiser.MaxTextTokens = 1 },
        { "the denoiser's variant Unspecified is unknown", (_, denoiser, _) => denoiser.Variant = FluxVariant.Unspecified },
    };

    [Theory]
    [MemberData(nameof(Mismatches))]
    public void Models_that_do_not_fit_are_named(string text, Action<TextEncoderServiceGetModelInfoResponse,
        DenoiserServiceGetModelInfoResponse, VaeServiceGetModelInfoResponse> change)
    {
        var (textEncoder, denoiser, vae) = (SmallModels.TextEncoder(), SmallModels.Denoiser(), SmallModels.Vae());
        change(textEncoder, denoiser, vae);

        var exception = Assert.Throws<RpcException>(() => ModelFacts.Of(textEncoder, denoiser, vae));

        Assert.Equal(StatusCode.FailedPrecondition, exception.StatusCode);
        Assert.Contains(text, exception.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_weights_anywhere_make_random_images()
    {
        var vae = SmallModels.Vae();
        Assert.False(SmallModels.Facts().RandomWeights);

        vae.Component.RandomWeights = true;

        Assert.True(ModelFacts.Of(SmallModels.TextEncoder(), SmallModels.Denoiser(), vae).RandomWeights);
    }
}
