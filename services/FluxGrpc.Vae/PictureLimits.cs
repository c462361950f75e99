using FluxGrpc.Tensors;

namespace FluxGrpc.Vae;

/// <summary>Which pictures the service takes.</summary>
/// <param name="LatentChannels">Channels Z of the latents.</param>
/// <param name="DownscaleFactor">Pixels per latent along each side.</param>
/// <param name="MaxPixels">Largest height × width.</param>
internal sealed record PictureLimits(long LatentChannels, int DownscaleFactor, long MaxPixels)
{
    /// <summary>Latents along each side of a token of the denoiser.</summary>
    public const int Patch = 2;

    /// <summary>Adds a violation where the picture has a side that is no multiple of the patch's, or too many pixels.</summary>
    /// <param name="violations">Where to.</param>
    /// <param name="field">Path of the field that gives the size.</param>
    /// <param name="height">Height in units; at least 1.</param>
    /// <param name="width">Width in units; at least 1.</param>
    /// <param name="unitsPerPatch">Units along each side of a patch: 1 for patches, 2 for latents, 16 for pixels.</param>
    public void CheckSize(Violations violations, string field, long height, long width, int unitsPerPatch)
    {
        if (height % unitsPerPatch != 0 || width % unitsPerPatch != 0)
        {
            violations.Add(field, $"is {height} high and {width} wide; allowed: multiples of {unitsPerPatch}");
            return;
        }

        var side = Patch * DownscaleFactor;
        var (rows, columns) = (height / unitsPerPatch, width / unitsPerPatch);
        if (!Shape.TryCount([rows, columns, side, side], out var pixels) || pixels > MaxPixels)
        {
            violations.Add(field, $"makes a picture of {rows} x {columns} patches of {side} x {side} pixels; "
                + $"allowed: at most {MaxPixels} pixels");
        }
    }
}
