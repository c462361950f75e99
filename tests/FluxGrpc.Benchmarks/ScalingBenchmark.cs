using System.CommandLine;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// Images a second with two denoisers against one, side by side: real processes, one compute thread a
/// denoiser. Both tiers are up all the time and take turns; each denoiser gets as many images at a time in both, and a caller orders
/// its next one when it has the last: where all wait for the slowest, the decoding of the last images would count as if a tier stood still.
/// </summary>
internal sealed class ScalingBenchmark : IAsyncDisposable
{
    private static readonly Dictionary<string, string> _oneThread = new()
    {
        ["OMP_NUM_THREADS"] = "1",
        // One heap for each process rather than one a core: all share two cores here.
        ["DOTNET_gcServer"] = "0",
    };

    /// <summary>
    /// Small pictures of as many steps, until the runtime has compiled what runs often once more: half of the orchestrator's processor
    /// time goes to that at first, and the denoisers lack it.
    /// </summary>
    private const int WarmUpPictures = 40;
    private const int WarmUpSide = 64;

    private readonly List<ServiceProcess> _processes = [];
    private ulong _seed;

    /// <summary>The benchmark's verb.</summary>
    public static Command CreateCommand()
    {
        var images = new Option<int>("--images") { Description = "Images at a time for each denoiser.", DefaultValueFactory = _ => 2 };
        var row = new Option<int>("--row")
        {
            Description = "Images one after another for each caller in a round.",
            DefaultValueFactory = _ => 2,
        };
        var side = new Option<int>("--side") { Description = "Width and height in pixels.", DefaultValueFactory = _ => 256 };
        var steps = new Option<int>("--steps") { Description = "Steps of an image.", DefaultValueFactory = _ => 20 };
        var rounds = new Option<int>("--rounds") { Description = "Rounds; the figures are medians.", DefaultValueFactory = _ => 5 };
        var command = new Command("scaling",
            "Images/s with 2 denoisers of one compute thread each ÷ with 1: real processes, random weights.")
        {
            images, row, side, steps, rounds,
        };
        command.SetAction(async (parsed, _) =>
        {
            await using var benchmark = new ScalingBenchmark();
            var template = new GenerateRequest
            {
                Width = parsed.GetValue(side),
                Height = parsed.GetValue(side),
                Steps = parsed.GetValue(steps),
            };
            await benchmark.MeasureAsync(template, parsed.GetValue(images), parsed.GetValue(row), parsed.GetValue(rounds));
        });
        return command;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
            await process.DisposeAsync();
    }

    private async Task MeasureAsync(GenerateRequest template, int imagesEach, int row, int rounds)
    {
        string[] model = ["--checkpoint", ScalingModel.Folder(), "--device", "cpu", "--dtype", "float32"];
        var textEncoder = await StartAsync("FluxGrpc.TextEncoder", model);
        var vae = await StartAsync("FluxGrpc.Vae", model);
        var denoisers = new[] { await StartAsync("FluxGrpc.Denoiser", model), await StartAsync("FluxGrpc.Denoiser", model) };
        string[] common = ["--text-encoder", textEncoder.Address, "--vae", vae.Address, "--denoiser"];
        var alone = await StartAsync("FluxGrpc.Orchestrator", [.. common, denoisers[0].Address]);
        var both = await StartAsync("FluxGrpc.Orchestrator", [.. common, $"{denoisers[0].Address},{denoisers[1].Address}"]);

        Sample one = new("1 denoiser"), two = new("2 denoisers");
        (Sample Sample, Func<Task> Run)[] runs =
        [
            (one, () => OrderAsync(alone, template, imagesEach, row)),
            (two, () => OrderAsync(both, template, 2 * imagesEach, row)),
        ];
        var small = template.Clone();
        (small.Width, small.Height) = (WarmUpSide, WarmUpSide);
        foreach (var orchestrator in (ServiceProcess[])[alone, both])
        {
            for (var i = 0; i < WarmUpPictures; i += imagesEach)
                await OrderAsync(orchestrator, small, imagesEach, row: 1);
        }

        foreach (var (_, run) in runs)
            await run();

        var started = _processes.ToDictionary(process => process, process => ProcessorTime.SecondsOf(process.ProcessId));
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < runs.Length; i++)
            {
                var (sample, run) = runs[(round + i) % runs.Length];
                await sample.TakeAsync(run);
            }
        }

        Print(one, two, template, imagesEach, row, rounds);
        var images = 3.0 * imagesEach * row * rounds;
        (string Name, ServiceProcess[] Processes)[] parts =
            [("text encoder", [textEncoder]), ("denoisers", denoisers), ("VAE", [vae]), ("orchestrators", [alone, both])];
        foreach (var (name, processes) in parts)
        {
            var seconds = processes.Sum(process => ProcessorTime.SecondsOf(process.ProcessId) - started[process]);
            Console.WriteLine(FormattableString.Invariant($"  {name,-13} {1000 * seconds / images,7:F1} ms of processor time an image"));
        }
    }

    private static void Print(Sample one, Sample two, GenerateRequest template, int imagesEach, int row, int rounds)
    {
        Console.WriteLine($"scaling: {template.Width}x{template.Height} pixels, {template.Steps} steps, {imagesEach} images at a time for "
            + $"each denoiser, {row} in a row, 1 compute thread a denoiser, {rounds} rounds");
        foreach (var (sample, images) in new[] { (one, imagesEach * row), (two, 2 * imagesEach * row) })
        {
            Console.WriteLine(FormattableString.Invariant($"  {sample.Name,-13} {images / sample.Median,7:F2} images/s (least ")
                + FormattableString.Invariant($"{images / sample.Most:F2}, most {images / sample.Least:F2})"));
        }

        Console.WriteLine(FormattableString.Invariant($"  images/s with 2 ÷ with 1, median of the rounds: {2 * one.RatioTo(two):F2}"));
    }

    private async Task OrderAsync(ServiceProcess orchestrator, GenerateRequest template, int callers, int row)
    {
        var client = new ImageGenerationService.ImageGenerationServiceClient(orchestrator.Channel);
        await Task.WhenAll(Enumerable.Range(0, callers).Select(async _ =>
        {
            for (var i = 0; i < row; i++)
            {
                var request = template.Clone();
                request.Prompt = "a red circle left of a blue square";
                request.Seed = Interlocked.Increment(ref _seed);
                using var call = client.Generate(request);
                while (await call.ResponseStream.MoveNext(CancellationToken.None))
                {
                }
            }
        }));
    }

    private async Task<ServiceProcess> StartAsync(string program, params string[] arguments)
    {
        var process = await ServiceProcess.StartAsync(
            new ProgramStart(program, ["--address", "http://127.0.0.1:0", .. arguments]) { Environment = _oneThread });
        _processes.Add(process);
        await process.WaitUntilServingAsync();
        return process;
    }
}
