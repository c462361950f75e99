namespace FluxGrpc.Denoiser.Sessions;

/// <summary>The work in hand at a moment.</summary>
/// <param name="Sessions">Open sessions.</param>
/// <param name="WaitingSessions">Sessions that wait to be opened.</param>
/// <param name="Work">Steps still to do times tokens of a step, over the open sessions.</param>
/// <param name="StepsDone">Steps answered since the start.</param>
internal readonly record struct Load(int Sessions, int WaitingSessions, long Work, long StepsDone);
