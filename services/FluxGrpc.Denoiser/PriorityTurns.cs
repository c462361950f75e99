using FluxGrpc.V1;

namespace FluxGrpc.Denoiser;

/// <summary>
/// Whose turn it is: interactive before batch, except that after a number of interactive turns in a row batch has one where it
/// waits, so that it never starves.
/// </summary>
internal sealed class PriorityTurns
{
    /// <summary>Interactive turns in a row that batch waits for at most.</summary>
    public const int MostInteractiveInARow = 8;

    private int _interactiveInARow;

    /// <summary>True where batch, if it waits, has waited long enough.</summary>
    public bool BatchIsDue => _interactiveInARow >= MostInteractiveInARow;

    /// <summary>Whose turn it is, where at least one of the two waits.</summary>
    public Priority Next(bool interactiveWaits, bool batchWaits) =>
        !interactiveWaits || (batchWaits && BatchIsDue) ? Priority.Batch : Priority.Interactive;

    /// <summary>Counts a turn.</summary>
    /// <param name="taken">Whose it was.</param>
    /// <param name="batchWaits">Whether batch waited meanwhile.</param>
    public void Count(Priority taken, bool batchWaits) =>
        _interactiveInARow = taken == Priority.Interactive && batchWaits ? _interactiveInARow + 1 : 0;
}
