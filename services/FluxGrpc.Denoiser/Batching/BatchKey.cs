using FluxGrpc.Denoiser.Sessions;

namespace FluxGrpc.Denoiser.Batching;

/// <summary>What steps must have in common to run in one forward pass; timestep, guidance and prompt may differ.</summary>
/// <param name="Rows">Rows of the patch grid.</param>
/// <param name="Columns">Columns of the patch grid.</param>
/// <param name="TextTokens">Text tokens L.</param>
internal readonly record struct BatchKey(int Rows, int Columns, int TextTokens)
{
    /// <summary>Image and text tokens of a step.</summary>
    public long Tokens => (long)Rows * Columns + TextTokens;

    /// <summary>The key of a session's steps.</summary>
    public static BatchKey Of(SessionOpening opening) => new(opening.Rows, opening.Columns, (int)opening.TextTokens);
}
