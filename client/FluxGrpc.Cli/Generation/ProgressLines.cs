namespace FluxGrpc.Cli.Generation;

/// <summary>Progress for files and pipes: one line a step on standard output.</summary>
internal sealed class ProgressLines(Terminal terminal) : IProgressView
{
    private int _stepsShown;

    /// <inheritdoc/>
    public Task<T> ShowAsync<T>(Func<Task<T>> work) => work();

    /// <inheritdoc/>
    public void Say(string activity) => terminal.Output.WriteLine(activity);

    /// <inheritdoc/>
    public void Update(GenerationProgress progress)
    {
        if (progress.StepsDone == _stepsShown)
            return;
        _stepsShown = progress.StepsDone;
        terminal.Output.WriteLine($"{progress.Subject}: {progress.Describe()}");
    }

    /// <inheritdoc/>
    public void Warn(string text) => terminal.Error.WriteLine($"warning: {text}");
}
