using System.Globalization;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks;

/// <summary>Images a second with a preview at every step, and without, one after the other in one run: what previews cost.</summary>
internal static class PreviewBenchmark
{
    public static async Task RunAsync(string checkpoint, int side, int steps, int rounds)
    {
        await using var services = await RealServices.StartAsync(checkpoint);
        var client = new ImageGenerationService.ImageGenerationServiceClient(services.Orchestrator.Channel);
        var request = new GenerateRequest { Prompt = "a red circle left of a blue square", Width = side, Height = side, Steps = steps };
        request.Seed = 1; // The same image each time.
        var previewBytes = 0;

        async Task MakeAsync(int interval)
        {
            using var call = client.Generate(new GenerateRequest(request) { PreviewInterval = interval });
            await foreach (var response in call.ResponseStream.ReadAllAsync())
                previewBytes += response.Step?.Preview.Length ?? 0;
        }

        Sample without = new("without previews"), with = new("a preview every step");
        (Sample Sample, int Interval)[] runs = [(without, 0), (with, 1)];
        foreach (var (_, interval) in runs)
            await MakeAsync(interval); // The first of each is slow.
        previewBytes = 0;
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < runs.Length; i++)
            {
                var (sample, interval) = runs[(round + i) % runs.Length];
                await sample.TakeAsync(() => MakeAsync(interval));
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"previews: {side}x{side} pixels, {steps} steps, {rounds} rounds, {previewBytes / (rounds * steps)} bytes each"));
        foreach (var sample in new[] { without, with })
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  {sample.Name,-21} {1 / sample.Median,7:F3} images/s (median of {sample.Least:F3} to {sample.Most:F3} s)"));
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  images/s with previews / without: {without.RatioTo(with):F3}"));
    }
}
