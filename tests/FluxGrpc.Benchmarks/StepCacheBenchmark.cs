using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// The first-block cache: for each threshold the share of steps that skip their blocks, how much faster an image is, and how far its
/// pixels are from those of the same image with every step computed; beside that, what fewer steps cost. Turn and turn about in one run.
/// </summary>
internal static class StepCacheBenchmark
{
    private static readonly float[] _thresholds = [0.05f, 0.08f, 0.1f, 0.12f, 0.15f, 0.2f, 0.3f];

    private static readonly string[] _prompts =
    [
        "a red circle left of a blue square on a white background", "a large yellow star in the center on a purple background",
        "a green triangle above an orange ring on a black background", "a small gray cross in the top left on a red background",
    ];

    public static async Task RunAsync(string checkpoint, int side, int steps, int fewerSteps, int rounds)
    {
        await using var services = await RealServices.StartAsync(checkpoint);
        var client = new ImageGenerationService.ImageGenerationServiceClient(services.Orchestrator.Channel);
        var full = new Way("every step", new Sample(""), request => request.Steps = steps);
        List<Way> ways =
        [
            full,
            new($"{fewerSteps} steps", new Sample(""), request => request.Steps = fewerSteps),
            .. _thresholds.Select(threshold => new Way(FormattableString.Invariant($"threshold {threshold}"), new Sample(""), request =>
            {
                request.Steps = steps;
                request.StepCacheThreshold = threshold;
            })),
        ];

        async Task<Picture> MakeAsync(Way way, int seed)
        {
            var request = new GenerateRequest
            {
                Prompt = _prompts[seed % _prompts.Length],
                Width = side,
                Height = side,
                Seed = (ulong)seed,
            };
            way.Set(request);
            using var call = client.Generate(request);
            byte[] pixels = [];
            var reused = 0;
            await foreach (var response in call.ResponseStream.ReadAllAsync())
            {
                if (response.Image is { } image)
                    pixels = PictureReader.Read(image.Data.Span, side, side);
                reused = response.Finished?.ReusedSteps ?? reused;
            }

            return new Picture(pixels, reused);
        }

        foreach (var way in ways)
            await MakeAsync(way, seed: 0); // The first of each is slow.
        for (var round = 0; round < rounds; round++)
        {
            var pictures = new Dictionary<Way, Picture>();
            foreach (var way in Enumerable.Range(0, ways.Count).Select(i => ways[(i + round) % ways.Count]))
                await way.Sample.TakeAsync(async () => pictures[way] = await MakeAsync(way, round));
            foreach (var (way, picture) in pictures)
                way.Add(picture, pictures[full]);
        }

        Console.WriteLine($"step cache: {side}x{side} pixels, {steps} steps, {rounds} images");
        foreach (var way in ways)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"  {way.Name,-15} {way.Reused / (double)(rounds * steps),5:P0} of the steps skipped, ")
                + FormattableString.Invariant($"{1000 * way.Sample.Median,5:F0} ms, {full.Sample.RatioTo(way.Sample),5:F2} x as fast, ")
                + FormattableString.Invariant($"mean difference {way.Difference / rounds,6:F3} of 255"));
        }
    }

    private sealed record Picture(byte[] Pixels, int Reused);

    private sealed record Way(string Name, Sample Sample, Action<GenerateRequest> Set)
    {
        public int Reused { get; private set; }

        public double Difference { get; private set; }

        public void Add(Picture picture, Picture full)
        {
            Reused += picture.Reused;
            Difference += picture.Pixels.Zip(full.Pixels, (one, other) => Math.Abs(one - other)).Average();
        }
    }
}
