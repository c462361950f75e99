using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Vae;

/// <summary>A valid request to encode.</summary>
/// <param name="Pixels">UINT8 [H, W, 3], or FLOAT32 [1, 3, H, W] in [-1, 1].</param>
/// <param name="IncludeMoments">Reply with the moments too.</param>
internal sealed record EncodeInput(Tensor Pixels, bool IncludeMoments)
{
    /// <summary>Reads a request.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT.</exception>
    public static EncodeInput Parse(VaeServiceEncodeRequest request, PictureLimits limits)
    {
        var violations = new Violations();
        if (TensorMessage.Problem(request.Pixels, DataType.Uint8, DataType.Float32) is { } problem)
            violations.Add("pixels", problem);
        else
            CheckPixels(violations, request.Pixels, limits);

        violations.ThrowIfAny();
        return new EncodeInput(request.Pixels, request.IncludeMoments);
    }

    private static void CheckPixels(Violations violations, Tensor pixels, PictureLimits limits)
    {
        var pixelsPerPatch = PictureLimits.Patch * limits.DownscaleFactor;
        switch (pixels.DataType, (IReadOnlyList<long>)pixels.Shape)
        {
            case (DataType.Uint8, [var height, var width, 3]):
                limits.CheckSize(violations, "pixels", height, width, pixelsPerPatch);
                break;
            case (DataType.Float32, [1, 3, var height, var width]):
                limits.CheckSize(violations, "pixels", height, width, pixelsPerPatch);
                if (FirstOutside(TensorMessage.Floats(pixels)) is { } value)
                    violations.Add("pixels", FormattableString.Invariant($"holds {value}; allowed: -1 to 1"));
                break;
            default:
                violations.Add("pixels", $"has shape {Shape.Format(pixels.Shape)} of {DataTypes.Name(pixels.DataType)}; "
                    + "allowed: [H, W, 3] of UINT8, [1, 3, H, W] of FLOAT32");
                break;
        }
    }

    /// <summary>NaN is outside too.</summary>
    private static float? FirstOutside(ReadOnlySpan<float> values)
    {
        foreach (var value in values)
        {
            if (!(value >= -1 && value <= 1))
                return value;
        }

        return null;
    }
}
