namespace FluxGrpc.Training.Optimization;

/// <summary>The rate over a training: constant, then linear towards nothing.</summary>
/// <param name="ConstantShare">Share of the time at full rate.</param>
/// <param name="Last">What is left of it at the end.</param>
internal readonly record struct RateSchedule(double ConstantShare, double Last)
{
    /// <summary>Factor of the rate at a point from 0 to 1 of the training.</summary>
    public double At(double progress) => progress <= ConstantShare
        ? 1
        : 1 + (Last - 1) * Math.Min(1, (progress - ConstantShare) / (1 - ConstantShare));
}
