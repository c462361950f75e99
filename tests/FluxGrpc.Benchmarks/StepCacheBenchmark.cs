using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// The first-block cache: for each threshold the share of steps that skip their blocks, how much faster an image is, and how far its
/// pixels are from those of the same image with every step computed; beside that, what fewer steps cost. Turn and turn about in one run.
/// </summary>
internal static class StepCacheBenchmark
{
    private static readonly float[] _thresholds = [0.05f, 0.08f, 0.1f, 0.12f, 0.15f, 0.2f, 0.25f, 0.28f, 0.3f];

    public static async Task RunAsync(string checkpoint, int side, int steps, int fewerSteps, int rounds)
    {
        await using var services = await RealServices.StartAsync(checkpoint);
        var client = new ImageGenerationService.ImageGenerationServiceClient(services.Orchestrator.Channel);
        var full = new Way("every step", request => request.Steps = steps);
        List<Way> ways =
        [
            full,
            new($"{fewerSteps} steps", request => request.Steps = fewerSteps),
            .. _thresholds.Select(threshold => new Way(FormattableString.Invariant($"threshold {threshold}"), request =>
            {
                request.Steps = steps;
                request.StepCacheThreshold = threshold;
            })),
        ];

        var times = new PartTimes();
        async Task<Picture> MakeAsync(Way way, int seed)
        {
            var request = new GenerateRequest
            {
                Prompt = DrawnPictures.PromptOf(seed),
                Width = side,
                Height = side,
                Seed = (ulong)seed,
            };
            way.Set(request);
            using var call = client.Generate(request);
            GeneratedImage? picture = null;
            GenerationFinished? finished = null;
            await foreach (var response in call.ResponseStream.ReadAllAsync())
            {
                times.Add(response);
                picture = response.Image ?? picture;
                finished = response.Finished ?? finished;
            }

            return new Picture(picture!.Data.ToByteArray(), finished!.ReusedSteps, finished.DenoiseTime.ToTimeSpan());
        }

        foreach (var way in ways)
            await MakeAsync(way, seed: 0); // The first of each is slow.
        times.Clear();
        for (var round = 0; round < rounds; round++)
        {
            var pictures = new Dictionary<Way, Picture>();
            foreach (var way in Enumerable.Range(0, ways.Count).Select(i => ways[(i + round) % ways.Count]))
                await way.Sample.TakeAsync(async () => pictures[way] = await MakeAsync(way, round));
            foreach (var (way, picture) in pictures)
                way.Add(picture, Pixels(picture), Pixels(pictures[full]));
        }

        byte[] Pixels(Picture picture) => PictureReader.Read(picture.File, side, side);

        Console.WriteLine($"step cache: {side}x{side} pixels, {steps} steps, {rounds} images");
        foreach (var way in ways)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"  {way.Name,-15} {way.Reused / (double)(rounds * steps),5:P0} of the steps skipped, ")
                + FormattableString.Invariant($"{1000 * way.Sample.Median,5:F0} ms, {full.Sample.RatioTo(way.Sample),5:F2} x as fast ")
                + FormattableString.Invariant($"({full.Denoising.RatioTo(way.Denoising):F2} x without decoding), ")
                + FormattableString.Invariant($"mean difference {way.Difference / rounds,6:F3} of 255"));
        }

        Console.WriteLine(times);
    }

    /// <summary>Where the time of a picture goes: milliseconds of each part, all pictures together.</summary>
    private sealed class PartTimes
    {
        private readonly Dictionary<string, List<double>> _parts = [];

        public void Clear() => _parts.Clear();

        public void Add(GenerateResponse response)
        {
            if (response.Step is { } step)
            {
                var kind = step.Reused ? "a skipped step" : "a computed step";
                Add(kind, step.Elapsed);
                Add($"{kind}, in the model", step.ComputeTime);
            }
            else if (response.Finished is { } finished)
            {
                Add("decoding", finished.DecodeTime);
                Add("all but steps and decoding", finished.TotalTime - finished.DenoiseTime - finished.DecodeTime);
            }
        }

        public override string ToString() => "  medians: " + string.Join("; ", _parts.OrderBy(part => part.Key, StringComparer.Ordinal)
            .Select(part => FormattableString.Invariant($"{part.Key} {part.Value.Order().ElementAt(part.Value.Count / 2):F1} ms")));

        private void Add(string part, Duration time)
        {
            if (!_parts.TryGetValue(part, out var times))
                _parts[part] = times = [];
            times.Add(time.ToTimeSpan().TotalMilliseconds);
        }
    }

    private sealed record Picture(byte[] File, int Reused, TimeSpan Denoising);

    private sealed record Way(string Name, Action<GenerateRequest> Set)
    {
        /// <summary>Whole pictures.</summary>
        public Sample Sample { get; } = new("");

        /// <summary>All steps of a picture.</summary>
        public Sample Denoising { get; } = new("");

        public int Reused { get; private set; }

        public double Difference { get; private set; }

        public void Add(Picture picture, byte[] pixels, byte[] full)
        {
            Denoising.Add(picture.Denoising);
            Reused += picture.Reused;
            Difference += DrawnPictures.MeanDifference(pixels, full);
        }
    }
}
