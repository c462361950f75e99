using System.Collections.Concurrent;
using System.CommandLine;
using System.Diagnostics;
using FluxGrpc.LocalCluster;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks.Soak;

/// <summary>
/// Mixed load on four processes for as long as one likes: callers arrive whether or not those before are done (an open loop, Poisson),
/// want pictures of all sizes, cancel, run into deadlines, ask for nonsense. Nothing may end otherwise than it should, and nothing may
/// grow or be left behind.
/// </summary>
internal sealed class SoakBenchmark : IAsyncDisposable
{
    private const double MostGrowth = 0.05;
    private const int MoreHandles = 8;

    private static readonly TimeSpan _warmUp = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan _sampleInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _settling = TimeSpan.FromSeconds(15);

    private readonly RealServices _services;
    private readonly ImageGenerationService.ImageGenerationServiceClient _client;
    private readonly DenoiserService.DenoiserServiceClient _denoiser;
    private readonly (string Name, int Id)[] _processes;
    private readonly ConcurrentDictionary<(SoakKind Kind, StatusCode Status, bool IsExpected), int> _outcomes = new();
    private readonly ConcurrentQueue<string> _surprises = new();
    private readonly ConcurrentQueue<double> _latencies = new();
    private int _inFlight;
    private int _images;

    private SoakBenchmark(RealServices services)
    {
        _services = services;
        _client = new(services.Orchestrator.Channel);
        _denoiser = new(services.Denoiser.Channel);
        _processes =
        [
            ("orchestrator", services.Orchestrator.ProcessId), ("text encoder", services.TextEncoder.ProcessId),
            ("denoiser", services.Denoiser.ProcessId), ("VAE", services.Vae.ProcessId),
        ];
    }

    /// <summary>The benchmark's verb.</summary>
    public static Command CreateCommand()
    {
        var minutes = new Option<double>("--minutes") { Description = "Minutes of load.", DefaultValueFactory = _ => 10 };
        var rate = new Option<double>("--rate") { Description = "Callers a second; 2 by default.", DefaultValueFactory = _ => 2 };
        var seed = new Option<int>("--seed") { Description = "Seed of the callers.", DefaultValueFactory = _ => 1 };
        var command = new Command("soak",
            "Mixed load on four processes: throughput, latency, statuses; ends with 1 where anything is amiss.")
        {
            minutes, rate, seed,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            await using var soak = new SoakBenchmark(await RealServices.StartAsync(EmbeddedCheckpoint.Folder));
            return await soak.RunAsync(
                TimeSpan.FromMinutes(parsed.GetValue(minutes)), parsed.GetValue(rate), parsed.GetValue(seed), cancellation) ? 0 : 1;
        });
        return command;
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private async Task<bool> RunAsync(TimeSpan duration, double rate, int seed, CancellationToken cancellation)
    {
        await CallAsync(SoakOrder.Next(new Random(seed)) with { Kind = SoakKind.Draw }, cancellation); // The first of all is slow.
        var idle = await LoadAsync();
        List<(TimeSpan At, ProcessFootprint[] Footprints)> samples = [];
        var calls = new List<Task>();
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        var (nextCall, nextSample) = (TimeSpan.Zero, TimeSpan.Zero);
        while (clock.Elapsed < duration && !cancellation.IsCancellationRequested)
        {
            if (clock.Elapsed >= nextSample)
            {
                samples.Add((clock.Elapsed, Footprints()));
                nextSample += _sampleInterval;
                calls.RemoveAll(call => call.IsCompleted);
                Console.Error.Write(FormattableString.Invariant($"\r{clock.Elapsed:m\\:ss} of {duration:m\\:ss}, {_images} images, ")
                    + $"{_inFlight} callers, {_surprises.Count} surprises ");
            }

            calls.Add(CallAsync(SoakOrder.Next(random), cancellation));
            nextCall += TimeSpan.FromSeconds(-Math.Log(1 - random.NextDouble()) / rate);
            var pause = nextCall - clock.Elapsed;
            if (pause > TimeSpan.Zero)
                await Task.Delay(pause, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        var seconds = clock.Elapsed.TotalSeconds;
        await Task.WhenAll(calls);
        Console.Error.WriteLine();
        var after = await SettleAsync(idle);
        samples.Add((clock.Elapsed, Footprints()));
        return Report(seconds, rate, samples, idle, after);
    }

    private async Task CallAsync(SoakOrder order, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _inFlight);
        var started = Stopwatch.GetTimestamp();
        var status = StatusCode.OK;
        try
        {
            await ExchangeAsync(order, cancellation);
            if (order.Kind == SoakKind.Draw)
                _latencies.Enqueue(Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
        catch (RpcException failure)
        {
            status = failure.StatusCode;
            if (!order.Allows(status))
                _surprises.Enqueue($"{order.Kind}: {failure.Status} for {order.Request}");
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }

        if (status == StatusCode.OK && !order.Allows(status))
            _surprises.Enqueue($"{order.Kind}: OK for {order.Request}");
        _outcomes.AddOrUpdate((order.Kind, status, order.Allows(status)), 1, (_, count) => count + 1);
    }

    private async Task ExchangeAsync(SoakOrder order, CancellationToken cancellation)
    {
        if (order.Kind == SoakKind.Look)
        {
            await _client.GetStatusAsync(new(), cancellationToken: cancellation);
            await _client.GetModelInfoAsync(new(), cancellationToken: cancellation);
            return;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (order.Kind == SoakKind.Cancel)
            patience.CancelAfter(order.Patience);
        DateTime? deadline = order.Kind == SoakKind.Deadline ? TimeProvider.System.GetUtcNow().UtcDateTime + order.Patience : null;
        using var call = _client.Generate(order.Request, deadline: deadline, cancellationToken: patience.Token);
        await foreach (var response in call.ResponseStream.ReadAllAsync(CancellationToken.None))
        {
            if (response.Image is not null)
                Interlocked.Increment(ref _images);
        }
    }

    private ProcessFootprint[] Footprints() => [.. _processes.Select(process => ProcessFootprint.Of(process.Id))];

    private async Task<GetLoadResponse> LoadAsync() => await _denoiser.GetLoadAsync(new());

    /// <summary>The denoiser's load once it is idle again, or after a while.</summary>
    private async Task<GetLoadResponse> SettleAsync(GetLoadResponse idle)
    {
        var clock = Stopwatch.StartNew();
        var load = await LoadAsync();
        while (clock.Elapsed < _settling && (load.Sessions > 0 || load.WaitingSessions > 0 || load.LiveTensors > idle.LiveTensors))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200));
            load = await LoadAsync();
        }

        return load;
    }

    private bool Report(double seconds, double rate, List<(TimeSpan At, ProcessFootprint[] Footprints)> samples,
        GetLoadResponse idle, GetLoadResponse after)
    {
        var latencies = _latencies.Order().ToArray();
        double Percentile(double share) => latencies[(int)Math.Ceiling(share * latencies.Length) - 1];
        var calls = _outcomes.Values.Sum();
        Console.WriteLine(FormattableString.Invariant($"soak: {seconds / 60:F1} minutes, {rate} callers/s, {calls} calls, ")
            + FormattableString.Invariant($"{_images} images, {_images / seconds:F2} images/s"));
        Console.WriteLine(FormattableString.Invariant($"  latency of a request for pictures: p50 {Percentile(0.5):F2} s, ")
            + FormattableString.Invariant($"p90 {Percentile(0.9):F2} s, p99 {Percentile(0.99):F2} s"));
        foreach (var ((kind, status, isExpected), count) in _outcomes.OrderBy(outcome => outcome.Key))
            Console.WriteLine($"  {kind,-8} {status,-17} {count,6}{(isExpected ? "" : "  UNEXPECTED")}");
        foreach (var surprise in _surprises.Take(10))
            Console.WriteLine($"  {surprise}");

        var isFine = _surprises.IsEmpty;
        var early = samples.First(sample => sample.At >= _warmUp || sample == samples[^1]).Footprints;
        for (var i = 0; i < _processes.Length; i++)
        {
            var (first, last) = (early[i], samples[^1].Footprints[i]);
            var growth = last.Memory / (double)first.Memory - 1;
            var grew = growth > MostGrowth || last.Handles > first.Handles + MoreHandles;
            isFine &= !grew;
            Console.WriteLine(FormattableString.Invariant(
                $"  {_processes[i].Name,-12} {last.Memory / 1e6:F0} MB ({growth:+0.0 %;-0.0 %} since the first minute), ")
                + $"{first.Handles} → {last.Handles} handles, {first.Threads} → {last.Threads} threads{(grew ? "  GREW" : "")}");
        }

        var isLeft = after.Sessions > 0 || after.WaitingSessions > 0 || after.LiveTensors > idle.LiveTensors;
        Console.WriteLine($"  denoiser, idle: {after.Sessions} sessions, {idle.LiveTensors} → {after.LiveTensors} native tensors"
            + (isLeft ? "  LEFT BEHIND" : ""));
        return isFine && !isLeft;
    }
}
