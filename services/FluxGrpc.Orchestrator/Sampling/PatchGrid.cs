using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>The grid of 2×2 latent patches of an image; each patch is one image token.</summary>
/// <param name="Rows">Image height / 16.</param>
/// <param name="Columns">Image width / 16.</param>
public readonly record struct PatchGrid(int Rows, int Columns)
{
    /// <summary>Latents along each side of a patch.</summary>
    public const int PatchSide = 2;

    /// <summary>Pixels along each side of a patch: 8 pixels a latent.</summary>
    public const int PixelsPerPatch = 8 * PatchSide;

    /// <summary>Number N of image tokens.</summary>
    public int TokenCount => Rows * Columns;

    /// <summary>Image width in pixels.</summary>
    public int Width => Columns * PixelsPerPatch;

    /// <summary>Image height in pixels.</summary>
    public int Height => Rows * PixelsPerPatch;

    /// <summary>The grid of an image.</summary>
    /// <param name="width">Pixels, a positive multiple of 16.</param>
    /// <param name="height">Pixels, a positive multiple of 16.</param>
    /// <exception cref="ArgumentException">Not multiples of 16.</exception>
    public static PatchGrid OfPixels(int width, int height) =>
        width > 0 && height > 0 && width % PixelsPerPatch == 0 && height % PixelsPerPatch == 0
            ? new PatchGrid(height / PixelsPerPatch, width / PixelsPerPatch)
            : throw new ArgumentException($"{width}×{height} pixels; allowed: positive multiples of {PixelsPerPatch}");

    /// <summary>As on the wire.</summary>
    public LatentGrid ToMessage() => new() { Rows = Rows, Columns = Columns };
}
