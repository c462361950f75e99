namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>A denoiser let go of a session that was not done: it is about to stop, or it ended the stream early.</summary>
/// <param name="message">What it did.</param>
public sealed class SessionLostException(string message) : IOException(message);
