namespace FluxGrpc.Denoiser.Batching;

/// <summary>Ends a pass once the callers of all its steps have gone: on a slow device a step takes minutes.</summary>
internal sealed class PassCancellation : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly CancellationTokenRegistration[] _registrations;
    private int _present;

    /// <param name="steps">The pass's.</param>
    public PassCancellation(IReadOnlyList<ScheduledStep> steps)
    {
        _present = steps.Count;
        _registrations = [.. steps.Select(step => step.Cancellation.Register(Leave))];
    }

    /// <summary>Cancelled when nobody waits for the pass any more.</summary>
    public CancellationToken Token => _source.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    private void Leave()
    {
        if (Interlocked.Decrement(ref _present) == 0)
            _source.Cancel();
    }
}
