using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Requests;

/// <summary>A picture to start from, decoded and scaled.</summary>
/// <param name="Pixels">Samples [H, W, 3], RGB.</param>
/// <param name="Strength">Share of the way from noise that is left to go, above 0 to 1.</param>
internal sealed record StartPicture(byte[] Pixels, float Strength)
{
    private const float DefaultStrength = 0.6f;

    /// <summary>The picture's own size, in multiples of a patch and within the limits; null where there is none, or a bad one.</summary>
    public static (int Width, int Height)? SizeOf(GenerateRequest message, RequestLimits limits, Violations violations)
    {
        if (message.InitImage.IsEmpty)
            return null;
        try
        {
            var (width, height) = PictureReader.ReadSize(message.InitImage.Span);
            return limits.Fit(width, height);
        }
        catch (InvalidDataException exception)
        {
            violations.Add("init_image", exception.Message);
            return null;
        }
    }

    /// <summary>Checks what goes with a picture.</summary>
    public static void Check(GenerateRequest message, Violations violations)
    {
        if (message.HasStrength && message.InitImage.IsEmpty)
            violations.Add("strength", "is given without init_image; allowed: both or none");
        if (message.HasStrength && !(message.Strength is > 0 and <= 1))
            violations.Add("strength", FormattableString.Invariant($"is {message.Strength}; allowed: above 0 to 1"));
        if (!message.InitImage.IsEmpty && message.Sigmas.Count > 0)
            violations.Add("sigmas", "are given together with init_image; allowed: one of them");
    }

    /// <summary>Decodes the picture of a request that was found good; null where there is none.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: it cannot be decoded.</exception>
    public static StartPicture? Decode(GenerateRequest message, PatchGrid grid)
    {
        if (message.InitImage.IsEmpty)
            return null;
        try
        {
            return new StartPicture(
                PictureReader.Read(message.InitImage.Span, grid.Width, grid.Height),
                message.HasStrength ? message.Strength : DefaultStrength);
        }
        catch (InvalidDataException exception)
        {
            throw Violations.Of("init_image", exception.Message);
        }
    }
}
