using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks.Soak;

/// <summary>What a caller does.</summary>
internal enum SoakKind
{
    /// <summary>Waits for its pictures.</summary>
    Draw,

    /// <summary>Cancels on the way.</summary>
    Cancel,

    /// <summary>Has a deadline that it cannot keep.</summary>
    Deadline,

    /// <summary>Asks for something that is refused.</summary>
    Bad,

    /// <summary>Asks for status and models.</summary>
    Look,
}

/// <summary>One caller of the mixed load.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Request">What it asks for.</param>
/// <param name="Patience">When it cancels, or its deadline.</param>
internal sealed record SoakOrder(SoakKind Kind, GenerateRequest Request, TimeSpan Patience)
{
    private static readonly int[] _sides = [64, 80, 96, 128, 192];
    private static readonly string[] _prompts = ["a red circle", "a blue star above a green ring", "a large white cross on the left", "?"];

    private static readonly Action<GenerateRequest>[] _mistakes =
    [
        request => request.Width = 17,
        request => request.Steps = 0,
        request => request.Prompt = "",
        request => request.Guidance = float.NaN,
        request => request.Count = -1,
        request => request.Strength = 0.5f,
        request => request.Sigmas.Add([1, 1, 0]),
        request => request.RequestId = "line\nbreak",
        request => request.InitImage = Google.Protobuf.ByteString.CopyFromUtf8("no picture"),
    ];

    /// <summary>How the call may end.</summary>
    public bool Allows(StatusCode status) => Kind switch
    {
        SoakKind.Cancel => status is StatusCode.Cancelled or StatusCode.OK,
        SoakKind.Deadline => status is StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.OK,
        SoakKind.Bad => status is StatusCode.InvalidArgument,
        _ => status is StatusCode.OK,
    };

    /// <summary>Draws a caller by lot.</summary>
    public static SoakOrder Next(Random random)
    {
        var request = new GenerateRequest
        {
            Prompt = _prompts[random.Next(_prompts.Length)],
            Width = _sides[random.Next(_sides.Length)],
            Height = _sides[random.Next(_sides.Length)],
            Steps = random.Next(2, 13),
            Seed = (ulong)random.Next(),
            Priority = random.Next(4) == 0 ? Priority.Batch : Priority.Interactive,
            PreviewInterval = random.Next(3),
            Sampler = (Sampler)random.Next(4),
        };
        if (random.Next(5) == 0)
            request.Count = 2;
        if (random.Next(6) == 0)
            request.NegativePrompt = "a square";
        if (random.Next(6) == 0)
            request.StepCacheThreshold = 0.15f;
        var kind = random.Next(100) switch
        {
            < 70 => SoakKind.Draw,
            < 80 => SoakKind.Cancel,
            < 85 => SoakKind.Deadline,
            < 95 => SoakKind.Bad,
            _ => SoakKind.Look,
        };
        if (kind == SoakKind.Bad)
            _mistakes[random.Next(_mistakes.Length)](request);
        return new SoakOrder(kind, request, TimeSpan.FromMilliseconds(random.Next(5, 400)));
    }
}
