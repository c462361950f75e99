using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using DenoiserClient = FluxGrpc.V1.DenoiserService.DenoiserServiceClient;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// Images/s of concurrent sessions with batching, without, and batch-invariant, and the latency of a lone session's steps: three
/// denoiser processes over gRPC, measured in turn in each round of one run, then fresh pairs. An image is a session from opening
/// to half-close.
/// </summary>
internal sealed class BatchingBenchmark(BatchingBenchmark.Settings settings)
{
    private const int LonePairs = 4;

    /// <param name="Checkpoint">Transformer or Hugging Face folder.</param>
    /// <param name="Device">Device.</param>
    /// <param name="Dtype">auto, float32 or bfloat16.</param>
    /// <param name="Side">Width and height in pixels.</param>
    /// <param name="TextTokens">Text tokens.</param>
    /// <param name="Sessions">Concurrent images.</param>
    /// <param name="Steps">Steps of an image.</param>
    /// <param name="LoneSteps">Steps of the session that runs alone.</param>
    /// <param name="Rounds">Rounds.</param>
    public sealed record Settings(
        string Checkpoint, string Device, string Dtype, int Side, int TextTokens, int Sessions, int Steps, int LoneSteps, int Rounds);

    public async Task RunAsync()
    {
        await using var batching = await StartAsync("batching");
        await using var off = await StartAsync("off", "--max-batch-size", "1");
        await using var invariant = await StartAsync("invariant", "--batch-invariant", "true");
        var model = await Client(batching).GetModelInfoAsync(new());
        Sample withBatching = new("batching"), without = new("without"), batchInvariant = new("batch-invariant");
        (Sample Sample, ServiceProcess Service)[] runs = [(withBatching, batching), (without, off), (batchInvariant, invariant)];

        foreach (var (_, service) in runs)
            await MakeImagesAsync(service, model); // The first of each is slow.
        var before = await Client(batching).GetLoadAsync(new());
        for (var round = 0; round < settings.Rounds; round++)
        {
            // Another one begins each round: none profits from always coming after the same one.
            foreach (var (sample, service) in Rotated(runs, round))
                await sample.TakeAsync(() => MakeImagesAsync(service, model));
        }

        var after = await Client(batching).GetLoadAsync(new());
        Print(runs.Select(run => run.Sample), withBatching, without, before, after);
        await MeasureLoneAsync(model);
    }

    /// <summary>
    /// Two processes of the same program differ by 5 % in all that they do, as their memory happens to lie: fresh pairs average that.
    /// </summary>
    private async Task MeasureLoneAsync(DenoiserServiceGetModelInfoResponse model)
    {
        Sample with = new("batching"), without = new("without");
        for (var pair = 0; pair < LonePairs; pair++)
        {
            await using var batching = await StartAsync($"lone-batching-{pair}");
            await using var off = await StartAsync($"lone-off-{pair}", "--max-batch-size", "1");
            (Sample, ServiceProcess)[] runs = [(with, batching), (without, off)];
            await TakeLoneStepsAsync([(new("warm-up"), batching), (new("warm-up"), off)], model);
            await TakeLoneStepsAsync(runs, model);
        }

        PrintLone(with, without);
    }

    private Task<ServiceProcess> StartAsync(string name, params string[] arguments) => StartServingAsync(
        [
            "--checkpoint", settings.Checkpoint, "--device", settings.Device, "--dtype", settings.Dtype, "--log-level", "Warning",
            "--max-steps", $"{Math.Max(settings.Steps, settings.LoneSteps)}",
            "--address", $"unix:{Path.Combine(Path.GetTempPath(), $"flux-{name}-{Environment.ProcessId}.sock")}", .. arguments,
        ]);

    private static async Task<ServiceProcess> StartServingAsync(string[] arguments)
    {
        var service = await ServiceProcess.StartAsync("FluxGrpc.Denoiser", arguments);
        await service.WaitUntilServingAsync();
        return service;
    }

    private Task MakeImagesAsync(ServiceProcess service, DenoiserServiceGetModelInfoResponse model) =>
        Task.WhenAll(Enumerable.Range(0, settings.Sessions).Select(seed => Task.Run(async () =>
        {
            var session = CreateSession(model, seed, settings.Steps);
            using var call = await OpenAsync(service, session);
            for (var index = 0; index < settings.Steps; index++)
                await call.StepAsync(session.Step(index));
            await call.HalfCloseAsync();
            await call.EndAsync();
        })));

    /// <summary>Steps on each in turn, so that what else the machine does hits all alike.</summary>
    private async Task TakeLoneStepsAsync((Sample Sample, ServiceProcess Service)[] runs, DenoiserServiceGetModelInfoResponse model)
    {
        var session = CreateSession(model, seed: 0, settings.LoneSteps);
        var calls = new Dictionary<Sample, DenoiseCall>();
        foreach (var (sample, service) in runs)
            calls[sample] = await OpenAsync(service, session);
        for (var index = 0; index < settings.LoneSteps; index++)
        {
            foreach (var (sample, _) in Rotated(runs, index))
                await sample.TakeAsync(() => calls[sample].StepAsync(session.Step(index)));
        }

        foreach (var call in calls.Values)
            call.Dispose();
    }

    private RandomSession CreateSession(DenoiserServiceGetModelInfoResponse model, int seed, int steps) =>
        new(model, settings.Side / 16, settings.TextTokens, steps, seed);

    private static async Task<DenoiseCall> OpenAsync(ServiceProcess service, RandomSession session)
    {
        var call = new DenoiseCall(Client(service).Denoise());
        await call.SendAsync(session.Opening);
        await call.ReadAsync();
        return call;
    }

    private void Print(IEnumerable<Sample> samples, Sample best, Sample without, GetLoadResponse before, GetLoadResponse after)
    {
        Console.WriteLine(FormattableString.Invariant(
            $"batching: {settings.Sessions} concurrent images of {settings.Side}x{settings.Side} pixels, {settings.Steps} steps, ")
            + FormattableString.Invariant($"{settings.TextTokens} text tokens, {settings.Dtype} on {settings.Device}, ")
            + FormattableString.Invariant($"{settings.Rounds} rounds"));
        foreach (var sample in samples)
        {
            Console.WriteLine(FormattableString.Invariant(
                $"  {sample.Name,-16} {settings.Sessions / sample.Median,6:F2} images/s, ")
                + FormattableString.Invariant($"{without.RatioTo(sample):F2} x without, {best.RatioTo(sample):F2} x batching"));
        }

        var meanSize = (double)(after.StepsDone - before.StepsDone) / (after.BatchesDone - before.BatchesDone);
        Console.WriteLine(FormattableString.Invariant($"  mean size of a batch {meanSize:F2}"));
    }

    private static void PrintLone(Sample with, Sample without)
    {
        foreach (var (name, share) in new[] { ("p50", 0.5), ("p99", 0.99) })
        {
            var (one, other) = (with.Quantile(share), without.Quantile(share));
            Console.WriteLine(FormattableString.Invariant(
                $"  a lone session's step, {name}: batching {1000 * one:F2} ms, without {1000 * other:F2} ms, ratio {one / other:F3}"));
        }
    }

    private static IEnumerable<T> Rotated<T>(T[] items, int by) =>
        Enumerable.Range(0, items.Length).Select(i => items[(by + i) % items.Length]);

    private static DenoiserClient Client(ServiceProcess service) => new(service.Channel);
}
