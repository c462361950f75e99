using System.Globalization;
using FluxGrpc.Scenes;
using FluxGrpc.Scenes.Evaluation;
using FluxGrpc.Training.Optimization;
using FluxGrpc.Training.Reports;

namespace FluxGrpc.Training;

/// <summary>Draws pictures of held-out scenes now and then, judges them, and keeps them as a sheet.</summary>
internal sealed class ProgressCheck
{
    private const int PicturesPerWorker = 24;
    private const int Steps = 20;

    private readonly Sampler _sampler;
    private readonly WorkerThreads _workers;
    private readonly TrainingReport _report;
    private readonly string _folder;
    private readonly Scene[] _scenes;
    private readonly string[] _prompts;

    /// <param name="sampler">Draws.</param>
    /// <param name="workers">Threads to draw with.</param>
    /// <param name="report">Where the scores go.</param>
    /// <param name="folder">Where the sheets go.</param>
    /// <param name="seed">Seed of scenes and wordings.</param>
    public ProgressCheck(Sampler sampler, WorkerThreads workers, TrainingReport report, string folder, int seed)
    {
        (_sampler, _workers, _report, _folder) = (sampler, workers, report, folder);
        var generator = new SceneGenerator(seed);
        var captions = new Captions(seed);
        _scenes = [.. Enumerable.Range(0, PicturesPerWorker * workers.Count).Select(index => generator.Next(
            MiniModel.SampleSize, MiniModel.SampleSize, shareOfTwo: index % 3 == 2 ? 1 : 0, heldOut: true))];
        _prompts = [.. _scenes.Select(captions.Complete)];
    }

    /// <summary>Draws and judges.</summary>
    /// <param name="name">Name of the sheet.</param>
    /// <param name="guidance">Strength of the guidance.</param>
    /// <param name="mode">How it is brought to bear.</param>
    public void Run(string name, float guidance, GuidanceMode mode)
    {
        var drawn = new IReadOnlyList<RgbImage>[_workers.Count];
        _workers.Run(worker => drawn[worker] = _sampler.Draw(
            _prompts[(worker * PicturesPerWorker)..((worker + 1) * PicturesPerWorker)],
            worker * PicturesPerWorker,
            (MiniModel.SampleSize, MiniModel.SampleSize),
            new SamplerSettings(Steps, guidance, mode)));
        var pictures = drawn.SelectMany(ofWorker => ofWorker).ToArray();
        var scores = new Scores();
        for (var i = 0; i < pictures.Length; i++)
            scores.Add(Judge.Score(pictures[i], _scenes[i]));
        SampleSheet.Write(pictures, Path.Combine(_folder, $"{name}.png"), columns: 8);
        _report.Say(string.Create(CultureInfo.InvariantCulture, $"{name}: guidance {guidance:0.#}, {scores.Count} held-out scenes: "
            + $"background {scores.Background:P0}, color {scores.Color:P0}, position {scores.Position:P0}, "
            + $"figure {scores.FigureOfOne:P0} (one), {scores.Figure:P0} (all), relation {scores.Relation:P0}"));
    }
}
