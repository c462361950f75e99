namespace FluxGrpc.UnitTests.Orchestrator.Services;

/// <summary>A step that stops until it may go on.</summary>
internal sealed class BlockedStep
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _taken;

    /// <summary>Completes when a step has stopped.</summary>
    public Task Reached => _reached.Task.WaitAsync(ScriptedTier.Patience);

    /// <summary>Completes when it may go on.</summary>
    public Task Released => _released.Task;

    /// <summary>Takes the first step that comes along.</summary>
    /// <returns>False for all later ones.</returns>
    public bool Take()
    {
        if (Interlocked.Exchange(ref _taken, 1) == 1)
            return false;
        _reached.SetResult();
        return true;
    }

    /// <summary>Lets it go on.</summary>
    public void GoOn() => _released.SetResult();
}
