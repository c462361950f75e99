namespace FluxGrpc.UnitTests.Orchestrator.Services;

/// <summary>A step that stops until it may go on.</summary>
internal sealed class BlockedStep
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _taken;

    private BlockedStep()
    {
    }

    /// <summary>Completes when the step has stopped.</summary>
    public Task Reached => _reached.Task.WaitAsync(ScriptedTier.Patience);

    /// <summary>Has a denoiser stop once, at the first step of an index that comes along.</summary>
    public static BlockedStep In(ScriptedDenoiser denoiser, int index)
    {
        var block = new BlockedStep();
        denoiser.OnStep = (step, cancellation) => step.Index == index ? block.StopAsync(cancellation) : Task.CompletedTask;
        return block;
    }

    /// <summary>Lets it go on.</summary>
    public void GoOn() => _released.SetResult();

    private Task StopAsync(CancellationToken cancellation)
    {
        if (Interlocked.Exchange(ref _taken, 1) == 1)
            return Task.CompletedTask;
        _reached.SetResult();
        return _released.Task.WaitAsync(cancellation);
    }
}
