using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>Sinusoidal embedding of a timestep or a guidance strength. Reference: <c>timestep_embedding</c>.</summary>
public static class TimestepEmbedding
{
    /// <summary>What a value is multiplied by: the network was trained with timesteps of 0 to 1000.</summary>
    public const float TimeFactor = 1000;

    private const double MaxPeriod = 10_000;
    private static readonly Scalar _timeFactor = TimeFactor;
    private static readonly Scalar _minusLogOfPeriod = -Math.Log(MaxPeriod);

    /// <summary>
    /// cos(1000·t·f) ‖ sin(1000·t·f) with f falling from 1 to nearly 1/10000. Frequencies and angles are float32 like the
    /// reference's: at guidance 3.5 the angles reach 3500, so that float64 would give visibly other numbers.
    /// </summary>
    /// <param name="values">Timesteps or guidance strengths [B], float32.</param>
    /// <param name="size">Even number of elements.</param>
    /// <param name="type">Type of the result.</param>
    /// <returns>[B, size].</returns>
    public static Tensor Compute(Tensor values, long size, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var half = size / 2;
        using Scalar count = half;
        var frequencies = (arange(half, dtype: ScalarType.Float32, device: values.device) * _minusLogOfPeriod / count).exp();
        var angles = (values.to(ScalarType.Float32) * _timeFactor).unsqueeze(1) * frequencies;    // [B, size/2]
        return cat([angles.cos(), angles.sin()], dim: -1).to(type).MoveToOuterDisposeScope();
    }
}
