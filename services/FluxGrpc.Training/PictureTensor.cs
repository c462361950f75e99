using FluxGrpc.Scenes;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>Pictures as the autoencoder takes and gives them.</summary>
internal static class PictureTensor
{
    private static readonly Scalar _halfRange = 127.5;
    private static readonly Scalar _one = 1;
    private static readonly Scalar _minusOne = -1;

    /// <summary>Pictures of one size, as float32 [B, 3, H, W] in [-1, 1].</summary>
    public static Tensor FromPictures(IReadOnlyList<RgbImage> pictures, Device device)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (pictures[0].Height, pictures[0].Width);
        var bytes = pictures.SelectMany(picture => picture.Pixels).ToArray();
        return tensor(bytes, [pictures.Count, height, width, 3], dtype: ScalarType.Byte).to(device)
            .permute(0, 3, 1, 2).to(ScalarType.Float32).div(_halfRange).sub(_one).MoveToOuterDisposeScope();
    }

    /// <summary>The pictures of a tensor [B, 3, H, W], clamped to [-1, 1].</summary>
    public static IReadOnlyList<RgbImage> ToPictures(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        var bytes = pictures.to(ScalarType.Float32).clamp(_minusOne, _one).mul(_halfRange).add(_halfRange).round().to(ScalarType.Byte)
            .permute(0, 2, 3, 1).cpu().contiguous();
        var (height, width) = ((int)bytes.shape[1], (int)bytes.shape[2]);
        return [.. Enumerable.Range(0, (int)bytes.shape[0]).Select(index =>
            new RgbImage(width, height, bytes[index].bytes.ToArray()))];
    }
}
