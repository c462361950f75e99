using FluxGrpc.Torch;
using TorchSharp;

namespace FluxGrpc.Training;

/// <summary>What the command was given.</summary>
internal sealed record TrainingOptions
{
    private const double ReadingShare = 0.03;

    /// <summary>Folder of the finished checkpoint.</summary>
    public string OutputFolder { get; init; } = "";

    /// <summary>Folder of what makes training resumable, and of curves and sample sheets.</summary>
    public string WorkFolder { get; init; } = "";

    /// <summary>Checkpoint to go on from; null to begin with random weights.</summary>
    public string? StartFolder { get; init; }

    /// <summary>Whether <see cref="StartFolder"/>'s T5 encoder is only to stay close to: a new one learns to read.</summary>
    public bool ReadsAnew { get; init; }

    /// <summary>Minutes of computation in all.</summary>
    public double TotalMinutes { get; init; }

    /// <summary>Of these for the autoencoder.</summary>
    public double AutoEncoderMinutes { get; init; }

    /// <summary>Of these for the guidance distillation.</summary>
    public double GuidanceMinutes { get; init; }

    /// <summary>Of these for what the T5 encoder reads before there are pictures.</summary>
    public double ReadingMinutes => ReadingShare * (TotalMinutes - AutoEncoderMinutes - GuidanceMinutes);

    /// <summary>What is left for transformer and text encoders.</summary>
    public double FlowMinutes => TotalMinutes - AutoEncoderMinutes - ReadingMinutes - GuidanceMinutes;

    /// <summary>Seed of weights, scenes, captions and noise.</summary>
    public int Seed { get; init; }

    /// <summary>Where to compute.</summary>
    public required torch.Device Device { get; init; }

    /// <summary>Type to multiply in; what is learned is float32 in any case.</summary>
    public required torch.ScalarType ComputeType { get; init; }

    /// <summary>Threads that compute: one for each core, or one that feeds a GPU.</summary>
    public required int WorkerCount { get; init; }

    /// <summary>What is wrong with the command line; null where it can be followed.</summary>
    public string? Problem =>
        ReadsAnew && StartFolder is null ? "--read-anew is for --from CHECKPOINT, whose T5 encoder it replaces"
        : !(TotalMinutes > 0) ? Told($"--minutes is {TotalMinutes}; allowed: above 0")
        : !(AutoEncoderMinutes >= 0) ? Told($"--autoencoder-minutes is {AutoEncoderMinutes}; allowed: 0 or more")
        : !(GuidanceMinutes >= 0) ? Told($"--guidance-minutes is {GuidanceMinutes}; allowed: 0 or more")
        : AutoEncoderMinutes + GuidanceMinutes > TotalMinutes
            ? Told($"--autoencoder-minutes and --guidance-minutes, {AutoEncoderMinutes} and {GuidanceMinutes}, are more than --minutes, ")
                + Told($"{TotalMinutes}")
        : null;

    /// <summary>Chooses the device.</summary>
    /// <param name="name">"cpu", "cuda:N" or "auto": the first GPU where there is one.</param>
    /// <exception cref="ArgumentException">No such device.</exception>
    public static TrainingOptions Open(string name)
    {
        const string Any = "auto";
        var device = ComputeDevice.Open(name == Any ? ComputeDevice.Available()[^1] : name, Any);
        return new TrainingOptions
        {
            Device = device.Device,
            ComputeType = device.Type,
            WorkerCount = device.Kind == "cpu" ? Environment.ProcessorCount : 1,
        };
    }

    private static string Told(FormattableString text) => FormattableString.Invariant(text);
}
