namespace FluxGrpc.Cli.Generation;

/// <summary>Shows how far a run is.</summary>
internal interface IProgressView
{
    /// <summary>Runs the work while the progress is on show.</summary>
    Task<T> ShowAsync<T>(Func<Task<T>> work);

    /// <summary>Says what is going on before the first step: "starting the services".</summary>
    void Say(string activity);

    /// <summary>Shows how far the run is now.</summary>
    void Update(GenerationProgress progress);

    /// <summary>Tells something to remember, without getting in the progress's way.</summary>
    void Note(string text);

    /// <summary>Warns without getting in the progress's way.</summary>
    void Warn(string text);
}
