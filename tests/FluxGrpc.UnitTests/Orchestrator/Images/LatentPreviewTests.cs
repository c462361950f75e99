using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;
using ImageMagick;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Images;

public sealed class LatentPreviewTests
{
    private static readonly PatchGrid _grid = PatchGrid.OfPixels(32, 16);

    /// <summary>Two latent channels: the first is red, the second blue; the bias is a little green.</summary>
    private static VaeServiceGetModelInfoResponse Vae => new()
    {
        LatentChannels = 2,
        LatentColors = new LatentColors { Factors = { 1, 0, 0, 0, 0, 1 }, Bias = { 0, -0.5f, 0 } },
    };

    [Fact]
    public void Each_latent_is_a_pixel_of_the_picture_that_the_velocity_points_to()
    {
        float[] clean = [1, -1, -1, -1, -1, 1, 0, -1, 1, 1, 1, 1, -1, -1, -1, -1]; // Two tokens of two channels of 2×2.
        float[] velocity = [.. Enumerable.Range(0, clean.Length).Select(i => i * 0.25f)];
        var latents = clean.Zip(velocity, (x, v) => x + 0.5f * v).ToArray();

        using var preview = new MagickImage(LatentPreview.TryCreate(Vae)!.Draw(latents, velocity, timestep: 0.5f, _grid));

        Assert.Equal((4u, 2u), (preview.Width, preview.Height));
        var pixels = preview.GetPixels();
        Assert.Equal([255, 64, 0], pixels.GetPixel(0, 0).ToArray());
        Assert.Equal([0, 64, 255], pixels.GetPixel(1, 0).ToArray());
        Assert.Equal([0, 64, 128], pixels.GetPixel(0, 1).ToArray());
        Assert.Equal([255, 64, 0], pixels.GetPixel(2, 0).ToArray());
    }

    [Fact]
    public void An_autoencoder_that_does_not_know_its_colors_has_no_preview()
    {
        var vae = Vae;
        vae.LatentColors = null;
        Assert.Null(LatentPreview.TryCreate(vae));
    }

    [Fact]
    public void Colors_that_do_not_fit_the_latents_are_refused()
    {
        var vae = Vae;
        vae.LatentChannels = 16;
        Assert.Contains("6 color factors", Assert.Throws<InvalidDataException>(() => LatentPreview.TryCreate(vae)).Message);
    }
}
