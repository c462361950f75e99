using System.Collections.Concurrent;
using System.CommandLine;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks.Simulation;

/// <summary>
/// How far one real orchestrator process reaches: throughput over 1 to 64 simulated denoisers, the processor time that it takes for
/// an image, and a thousand requests at once.
/// </summary>
/// <param name="side">Width and height in pixels.</param>
/// <param name="stepTime">What a step takes.</param>
/// <param name="window">How long each number of replicas is measured.</param>
internal sealed class SimulatedTierBenchmark(int side, TimeSpan stepTime, TimeSpan window)
{
    /// <summary>Images in hand for each replica: with one, a device would stand still while its image is decoded.</summary>
    private const int InHandEach = 2;

    /// <summary>FLUX.1-dev's usual number; the images have some more or fewer, so that not all end together.</summary>
    private const int MeanSteps = 28;

    private const int LeastSteps = 14;
    private const int BurstSteps = 4;
    private const int Prompts = 50;

    private int _orders;

    /// <summary>The benchmark's verb.</summary>
    public static Command CreateCommand()
    {
        var replicas = new Option<int[]>("--replicas")
        {
            Description = "Numbers of simulated denoisers; the first one is the yardstick.",
            DefaultValueFactory = _ => [1, 2, 4, 8, 16, 32, 64],
            AllowMultipleArgumentsPerToken = true,
        };
        var side = new Option<int>("--side") { Description = "Width and height in pixels.", DefaultValueFactory = _ => 512 };
        var milliseconds = new Option<int>("--step-milliseconds")
        {
            Description = "What a simulated step takes. 400 is about FLUX.1-dev's at 512x512 on a card of 60 TFLOP/s.",
            DefaultValueFactory = _ => 400,
        };
        var seconds = new Option<int>("--seconds") { Description = "Seconds that each number is measured.", DefaultValueFactory = _ => 20 };
        var requests = new Option<int>("--requests") { Description = "Requests at once, at the end.", DefaultValueFactory = _ => 1000 };
        var command = new Command("simulated-tier",
            "SIMULATION: a real orchestrator process over denoisers that sleep instead of computing: throughput, its CPU, 1,000 at once.")
        {
            replicas, side, milliseconds, seconds, requests,
        };
        command.SetAction((parsed, _) => new SimulatedTierBenchmark(
            parsed.GetValue(side),
            TimeSpan.FromMilliseconds(parsed.GetValue(milliseconds)),
            TimeSpan.FromSeconds(parsed.GetValue(seconds))).RunAsync(parsed.GetRequiredValue(replicas), parsed.GetValue(requests)));
        return command;
    }

    /// <summary>Measures each number of replicas, the first one being the yardstick.</summary>
    private async Task RunAsync(IReadOnlyList<int> replicas, int burst)
    {
        Console.WriteLine(FormattableString.Invariant(
            $"SIMULATION: denoisers that sleep {stepTime.TotalMilliseconds} ms a step. The orchestrator, TCP and the messages' sizes ")
            + FormattableString.Invariant($"({side}x{side} pixels, 512 text tokens) are real. About {MeanSteps} steps an image."));
        Console.WriteLine("  replicas  steps/s  devices busy  ÷ (replicas × first)  orchestrator's CPU, ms an image  cores of it");
        var first = 0.0;
        foreach (var count in replicas)
        {
            var (stepsPerSecond, imagesPerSecond, cores) = await MeasureAsync(count);
            if (first == 0)
                first = stepsPerSecond / count;
            Console.WriteLine(FormattableString.Invariant(
                $"  {count,8} {stepsPerSecond,8:F2} {stepsPerSecond * stepTime.TotalSeconds / count,13:P1} ")
                + FormattableString.Invariant($"{stepsPerSecond / (count * first),22:F3} ")
                + FormattableString.Invariant($"{1000 * cores / imagesPerSecond,37:F0} {cores,12:F2}"));
        }

        await BurstAsync(replicas[^1], burst);
    }

    private async Task<(double StepsPerSecond, double ImagesPerSecond, double Cores)> MeasureAsync(int replicas)
    {
        await using var tier = await SimulatedTier.StartAsync(replicas, stepTime, maxGenerations: InHandEach * replicas);
        using var end = new CancellationTokenSource();
        var orders = Enumerable.Range(0, InHandEach * replicas).Select(_ => KeepOrderingAsync(tier, end.Token)).ToList();

        // Every device has something to do, and the images have spread, after one image's time.
        await Task.Delay(stepTime * InHandEach * LeastSteps + stepTime);
        var orchestrator = tier.Orchestrator.ProcessId;
        var (steps, processor) = (StepsOf(tier), ProcessorTime.SecondsOf(orchestrator));
        var started = TimeProvider.System.GetTimestamp();
        await Task.Delay(window);
        var seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        var stepsPerSecond = (StepsOf(tier) - steps) / seconds;
        var cores = (ProcessorTime.SecondsOf(orchestrator) - processor) / seconds;

        await end.CancelAsync();
        await Task.WhenAll(orders);
        return (stepsPerSecond, stepsPerSecond / MeanSteps, cores);
    }

    private static long StepsOf(SimulatedTier tier) => tier.Denoisers.Sum(denoiser => denoiser.Device.Steps);

    private async Task KeepOrderingAsync(SimulatedTier tier, CancellationToken end)
    {
        try
        {
            while (true)
                await OrderAsync(tier, steps: null, end);
        }
        catch (RpcException failure) when (end.IsCancellationRequested && failure.StatusCode == StatusCode.Cancelled)
        {
            // The measurement is over.
        }
    }

    /// <summary>All at once; every one has to come back with its own seed.</summary>
    private async Task BurstAsync(int replicas, int requests)
    {
        await using var tier = await SimulatedTier.StartAsync(replicas, stepTime, maxGenerations: InHandEach * replicas);
        var failures = new ConcurrentBag<string>();
        var orchestrator = tier.Orchestrator.ProcessId;
        var (processor, started) = (ProcessorTime.SecondsOf(orchestrator), TimeProvider.System.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, requests).Select(async _ =>
        {
            try
            {
                await OrderAsync(tier, BurstSteps, CancellationToken.None);
            }
            catch (Exception exception) when (exception is RpcException or InvalidDataException)
            {
                failures.Add(exception.Message);
            }
        }));
        var seconds = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine(FormattableString.Invariant(
            $"  {requests} requests at once, {BurstSteps} steps each, {replicas} replicas: {requests - failures.Count} delivered, ")
            + FormattableString.Invariant($"{failures.Count} lost, {seconds:F1} s (devices alone: ")
            + FormattableString.Invariant($"{requests * BurstSteps * stepTime.TotalSeconds / replicas:F1} s); orchestrator: ")
            + FormattableString.Invariant($"{1000 * (ProcessorTime.SecondsOf(orchestrator) - processor) / requests:F0} ms CPU ")
            + FormattableString.Invariant($"an image, peak {ResidentMemory.Peak(orchestrator) / 1e6:F0} MB"));
        foreach (var failure in failures.Distinct().Take(5))
            Console.WriteLine($"    {failure}");
    }

    private async Task OrderAsync(SimulatedTier tier, int? steps, CancellationToken cancellation)
    {
        var number = Interlocked.Increment(ref _orders);
        using var call = tier.Client.Generate(new GenerateRequest
        {
            Prompt = $"simulated picture {number % Prompts}",
            Width = side,
            Height = side,
            Steps = steps ?? LeastSteps + (number * 7 % (2 * (MeanSteps - LeastSteps) + 1)),
            Seed = (ulong)number,
        }, cancellationToken: cancellation);
        var images = 0;
        await foreach (var happened in call.ResponseStream.ReadAllAsync(CancellationToken.None))
        {
            if (happened.EventCase != GenerateResponse.EventOneofCase.Image)
                continue;
            images++;
            if (happened.Image.Seed != (ulong)number || happened.Image.Data.IsEmpty)
                throw new InvalidDataException($"Order {number} got the image of seed {happened.Image.Seed}");
        }

        if (images != 1)
            throw new InvalidDataException($"Order {number} got {images} images");
    }
}
