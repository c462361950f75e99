using FluxGrpc.Scenes;
using FluxGrpc.Vae.Model;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>Scenes with their latents, and the positions that go with their size.</summary>
internal readonly record struct PictureBatch(Scene[] Scenes, Tensor Latents, Tensor Positions);

/// <summary>Pictures of all sizes for all workers, each with its own: nothing is shared, so that runs repeat.</summary>
internal sealed class TrainingPictures : IDisposable
{
    private const int PicturesKept = 8_000;
    private const double OneObjectUntil = 0.22;
    private const double MostOfTwo = 0.6;

    private readonly TrainingOptions _options;
    private readonly LatentPool[][] _pools;

    /// <param name="options">What the command was given.</param>
    /// <param name="autoEncoder">Encodes.</param>
    /// <param name="workers">Number of workers.</param>
    public TrainingPictures(TrainingOptions options, AutoEncoder autoEncoder, int workers)
    {
        _options = options;
        _pools = [.. Enumerable.Range(0, workers).Select(worker => MiniModel.PictureSizes.Select((size, index) => new LatentPool(
            autoEncoder,
            (size.Width, size.Height),
            PicturesKept * size.Percent / 100 / workers,
            SeedSequence.At(options.Seed, index, worker),
            options.Device)).ToArray())];
    }

    /// <summary>Probability of two objects: at first one alone is hard enough; later, two are what is left to learn.</summary>
    /// <param name="progress">0 to 1.</param>
    public static double ShareOfTwo(double progress) => progress < OneObjectUntil ? 0 : MostOfTwo;

    /// <summary>A batch for a worker; in one step all workers get the same size.</summary>
    public PictureBatch Draw(int step, int worker, double shareOfTwo)
    {
        var percent = new Random(SeedSequence.At(_options.Seed, step, -1)).Next(100);
        var index = 0;
        while (percent >= MiniModel.PictureSizes[index].Percent)
            percent -= MiniModel.PictureSizes[index++].Percent;
        var pool = _pools[worker][index];
        var (scenes, latents) = pool.Draw(shareOfTwo);
        return new PictureBatch(scenes, latents, pool.Positions);
    }

    public void Dispose()
    {
        foreach (var pool in _pools.SelectMany(ofWorker => ofWorker))
            pool.Dispose();
    }
}
