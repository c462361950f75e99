namespace FluxGrpc.Cli.Generation;

/// <summary>Progress for files and pipes: one line a step, or a place in the queue, on standard output.</summary>
internal sealed class ProgressLines(Terminal terminal) : IProgressView
{
    private (int Steps, int? Ahead) _shown;

    /// <inheritdoc/>
    public Task<T> ShowAsync<T>(Func<Task<T>> work) => work();

    /// <inheritdoc/>
    public void Say(string activity) => terminal.Output.WriteLine(activity);

    /// <inheritdoc/>
    public void Update(GenerationProgress progress)
    {
        if ((progress.StepsDone, progress.Ahead) == _shown)
            return;
        _shown = (progress.StepsDone, progress.Ahead);
        terminal.Output.WriteLine($"{progress.Subject}: {progress.Describe()}");
    }

    /// <inheritdoc/>
    public void Note(string text) => terminal.Output.WriteLine(text);

    /// <inheritdoc/>
    public void Warn(string text) => terminal.Error.WriteLine($"warning: {text}");
}
