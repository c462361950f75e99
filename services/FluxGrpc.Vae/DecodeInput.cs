using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Vae;

/// <summary>A valid request to decode.</summary>
/// <param name="Latents">Finite latents: [1, Z, 2 · rows, 2 · columns], or tokens [1, rows · columns, 4Z] where there is a grid.</param>
/// <param name="Grid">Patch grid of tokens; null for latents that are a picture already.</param>
/// <param name="Pixels">UINT8 or FLOAT32.</param>
internal sealed record DecodeInput(Tensor Latents, LatentGrid? Grid, DataType Pixels)
{
    /// <summary>Reads a request.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT, with every field that is wrong.</exception>
    public static DecodeInput Parse(DecodeRequest request, PictureLimits limits)
    {
        var violations = new Violations();
        var pixels = request.PixelDataType == DataType.Unspecified ? DataType.Uint8 : request.PixelDataType;
        if (pixels is not (DataType.Uint8 or DataType.Float32))
            violations.Add("pixel_data_type", $"is {DataTypes.Name(pixels)}; allowed: UINT8, FLOAT32");

        if (TensorMessage.ProblemOfFinite(request.Latents) is { } problem)
            violations.Add("latents", problem);
        else if (request.Grid is null)
            CheckUnpacked(violations, request.Latents, limits);
        else
            CheckPacked(violations, request.Latents, request.Grid, limits);

        violations.ThrowIfAny();
        return new DecodeInput(request.Latents, request.Grid, pixels);
    }

    private static void CheckUnpacked(Violations violations, Tensor latents, PictureLimits limits)
    {
        if (latents.Shape is not [1, var channels, var height, var width] || channels != limits.LatentChannels)
        {
            violations.Add("latents", $"has shape {Shape.Format(latents.Shape)}; allowed without a grid: "
                + $"[1, {limits.LatentChannels}, H/{limits.DownscaleFactor}, W/{limits.DownscaleFactor}]");
            return;
        }

        limits.CheckSize(violations, "latents", height, width, PictureLimits.Patch);
    }

    private static void CheckPacked(Violations violations, Tensor latents, LatentGrid grid, PictureLimits limits)
    {
        violations.CheckRange("grid.rows", grid.Rows, 1, limits.MaxPixels).CheckRange("grid.columns", grid.Columns, 1, limits.MaxPixels);
        if (!violations.None)
            return;

        limits.CheckSize(violations, "grid", grid.Rows, grid.Columns, unitsPerPatch: 1);
        var tokens = (long)grid.Rows * grid.Columns;
        var channels = PictureLimits.Patch * PictureLimits.Patch * limits.LatentChannels;
        if (!Shape.Is(latents, 1, tokens, channels))
        {
            violations.Add("latents", $"has shape {Shape.Format(latents.Shape)}; allowed with a grid of "
                + $"{grid.Rows} x {grid.Columns}: [1, {tokens}, {channels}]");
        }
    }
}
