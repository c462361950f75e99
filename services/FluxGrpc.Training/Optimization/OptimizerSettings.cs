using static TorchSharp.torch;

namespace FluxGrpc.Training.Optimization;

/// <summary>The settings of an <see cref="Optimizer"/>.</summary>
internal sealed record OptimizerSettings
{
    /// <summary>Step length of Muon for a matrix of so many rows and columns.</summary>
    public required Func<long, long, double> MuonRate { get; init; }

    /// <summary>Momentum of Muon.</summary>
    public required double MuonMomentum { get; init; }

    /// <summary>Type of Muon's matrix products: bfloat16 only where the device has it, it takes twenty times as long elsewhere.</summary>
    public ScalarType MuonType { get; init; } = ScalarType.Float32;

    /// <summary>Step length of Adam.</summary>
    public required double AdamRate { get; init; }

    /// <summary>Decay of Adam's moving average of squares.</summary>
    public double AdamSquareDecay { get; init; } = 0.99;

    /// <summary>Decay of the moving average of the weights.</summary>
    public required double AverageDecay { get; init; }

    /// <summary>Steps over which the rates rise from nothing.</summary>
    public int WarmUpSteps { get; init; } = 100;
}
