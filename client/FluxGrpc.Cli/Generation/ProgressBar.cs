using Spectre.Console;
using Spectre.Console.Rendering;

namespace FluxGrpc.Cli.Generation;

/// <summary>Progress for people: a bar that stays where it is.</summary>
internal sealed class ProgressBar(Terminal terminal) : IProgressView
{
    private ProgressTask? _task;
    private string _details = "";

    /// <inheritdoc/>
    public Task<T> ShowAsync<T>(Func<Task<T>> work) => terminal.Drawing.Progress()
        .AutoClear(true)
        .Columns(new SpinnerColumn(), new TaskDescriptionColumn(), new ProgressBarColumn(), new DetailsColumn(this))
        .StartAsync(async context =>
        {
            _task = context.AddTask("starting");
            _task.IsIndeterminate = true;
            return await work();
        });

    /// <inheritdoc/>
    public void Say(string activity) => _task!.Description = Markup.Escape(activity);

    /// <inheritdoc/>
    public void Update(GenerationProgress progress)
    {
        if (progress.Steps == 0)
            return;
        _task!.IsIndeterminate = progress.StepsDone == 0;
        _task.MaxValue = progress.Steps;
        _task.Value = progress.StepsDone;
        _task.Description = progress.Subject;
        _details = progress.Describe();
    }

    /// <inheritdoc/>
    public void Note(string text) => terminal.Drawing.WriteLine(text);

    /// <inheritdoc/>
    public void Warn(string text) => terminal.Drawing.MarkupLineInterpolated($"[yellow]warning: {text}[/]");

    /// <summary>Step, time per step, time left.</summary>
    private sealed class DetailsColumn(ProgressBar bar) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(bar._details);
    }
}
