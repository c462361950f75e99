using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Admission;

/// <summary>Says, before each step of an image, whether the image may take it.</summary>
internal interface IStepGate
{
    /// <summary>
    /// True where other work has more right to the place, or has it: whoever takes the steps ends its denoiser session in good order, so
    /// that the denoiser does not hold it meanwhile, and waits for its turn.
    /// </summary>
    bool MustPause { get; }

    /// <summary>Waits until the image may go on: not at all where it need not pause.</summary>
    /// <param name="cancellation">The caller's; ends the wait at once.</param>
    /// <returns>The place in the queue, whenever it changes.</returns>
    /// <exception cref="OperationCanceledException">The caller is gone.</exception>
    IAsyncEnumerable<GenerationQueued> WaitForTurnAsync(CancellationToken cancellation);
}
