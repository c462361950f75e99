using FluxGrpc.Training;
using FluxGrpc.Vae.Model;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Training;

public sealed class LatentColorsFitTests
{
    /// <summary>No linear map of the same latents comes closer to the mean colors than the fit, not even one a little off.</summary>
    [Fact]
    public void The_fit_is_nearer_to_the_pictures_than_its_neighbours()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        using var autoEncoder = new AutoEncoder(MiniModel.AutoEncoder);
        AutoEncoderInitialization.Apply(autoEncoder, seed: 3);
        var pictures = (rand([4, 3, 64, 64], generator: generator) * 2) - 1;

        var fit = LatentColorsFit.Of(autoEncoder, pictures);

        Assert.Equal(16, fit.Factors.Count);
        var error = Error(autoEncoder, pictures, fit.Factors, fit.Bias);
        for (var channel = 0; channel < fit.Factors.Count; channel++)
        {
            var changed = fit.Factors.Select((row, index) => index == channel ? [row[0] + 0.05, row[1], row[2] - 0.05] : row).ToArray();
            Assert.True(Error(autoEncoder, pictures, changed, fit.Bias) > error, $"channel {channel}");
        }

        Assert.True(Error(autoEncoder, pictures, fit.Factors, [.. fit.Bias.Select(bias => bias + 0.05)]) > error);
    }

    private static float Error(
        AutoEncoder autoEncoder, Tensor pictures, IReadOnlyList<IReadOnlyList<double>> factors, IReadOnlyList<double> bias)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var latents = autoEncoder.Encode(pictures).permute(0, 2, 3, 1);
        var map = tensor(factors.SelectMany(row => row).Select(factor => (float)factor).ToArray(), [factors.Count, 3]);
        var guess = latents.matmul(map) + tensor(bias.Select(value => (float)value).ToArray());
        var colors = nn.functional.avg_pool2d(pictures, 8).permute(0, 2, 3, 1);
        return (guess - colors).square().mean().item<float>();
    }
}
