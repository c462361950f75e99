using FluxGrpc.Denoiser;
using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.V1;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser.Batching;

/// <summary>Sessions and steps for the queue, which looks at no tensor.</summary>
internal static class Steps
{
    private const int StepCount = 3; // Of Messages.Opening.

    public static BatchKey Small { get; } = new(Rows: 2, Columns: 3, TextTokens: 4);

    public static BatchKey Large { get; } = new(Rows: 20, Columns: 30, TextTokens: 40);

    /// <summary>A session with a conditioning of one element a tensor; the test's dispose scope owns it.</summary>
    public static BatchMember Session(BatchKey? key = null, Priority priority = Priority.Interactive) => new(key ?? Small, priority,
        new Conditioning(zeros(1, 1, 1), zeros(1, 1), guidance: null, zeros(1, 1, 1, 1)));

    public static FluxGrpc.Denoiser.Sessions.DenoiseStep First() => Parse(index: 0, previous: null);

    public static FluxGrpc.Denoiser.Sessions.DenoiseStep Last() => Parse(StepCount - 1, StepCount - 2);

    private static FluxGrpc.Denoiser.Sessions.DenoiseStep Parse(int index, int? previous)
    {
        var config = SmallTransformer.Config;
        var opening = SessionOpening.Parse(Messages.Opening(config), config, new DenoiserOptions());
        return FluxGrpc.Denoiser.Sessions.DenoiseStep.Parse(Messages.Step(config, index), opening, config, previous);
    }
}
