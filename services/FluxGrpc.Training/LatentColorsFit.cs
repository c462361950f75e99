using FluxGrpc.Vae.Model;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>
/// Measures an autoencoder's <see cref="LatentColors"/>: the least squares of a linear map from latents to the colors under them.
/// </summary>
internal static class LatentColorsFit
{
    private const int Digits = 4;

    /// <summary>Fits the map to pictures.</summary>
    /// <param name="autoEncoder">Encodes, with its final scale and shift.</param>
    /// <param name="pictures">Pictures [B, 3, H, W] in [-1, 1].</param>
    public static LatentColors Of(AutoEncoder autoEncoder, Tensor pictures)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var latents = autoEncoder.Encode(pictures).to(ScalarType.Float32);                          // [B, Z, h, w]
        var cell = pictures.shape[^1] / latents.shape[^1];
        var colors = nn.functional.avg_pool2d(pictures, cell);                                      // [B, 3, h, w]
        var samples = Rows(latents);                                                                // [B·h·w, Z]
        var withOne = cat([samples, ones([samples.shape[0], 1], device: samples.device)], dim: 1);
        var solution = linalg.lstsq(withOne.cpu(), Rows(colors).cpu()).Solution;                    // [Z + 1, 3]
        var rows = Enumerable.Range(0, (int)solution.shape[0])
            .Select(row => (IReadOnlyList<double>)[.. solution[row].data<float>().Select(value => Math.Round(value, Digits))])
            .ToArray();
        return new LatentColors(rows[..^1], rows[^1]);
    }

    private static Tensor Rows(Tensor picture) => picture.permute(0, 2, 3, 1).reshape(-1, picture.shape[1]);
}
