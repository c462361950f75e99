using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Vae;

/// <summary>Between the network's picture in [-1, 1] and pixels of 0 to 255, computed in float32.</summary>
public static class PixelConversion
{
    private static readonly Scalar _least = -1;
    private static readonly Scalar _most = 1;
    private static readonly Scalar _half = 127.5;

    /// <summary>floor(127.5 · clamp(x, -1, 1) + 127.5), as the official code truncates.</summary>
    /// <param name="image">Picture [1, 3, H, W].</param>
    /// <returns>Pixels [H, W, 3], uint8, contiguous.</returns>
    public static Tensor ToBytes(Tensor image)
    {
        using var scope = NewDisposeScope();
        var levels = image[0].to(ScalarType.Float32).clamp(_least, _most).mul_(_half).add_(_half);
        return levels.permute(1, 2, 0).to(ScalarType.Byte).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>pixel / 127.5 - 1.</summary>
    /// <param name="pixels">Pixels [H, W, 3], uint8.</param>
    /// <returns>Picture [1, 3, H, W], float32, contiguous.</returns>
    public static Tensor FromBytes(Tensor pixels)
    {
        using var scope = NewDisposeScope();
        var levels = pixels.to(ScalarType.Float32).div_(_half).sub_(_most);
        return levels.permute(2, 0, 1).unsqueeze(0).contiguous().MoveToOuterDisposeScope();
    }
}
