using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks;

/// <summary>Four images of one request, each drawn while the next one is denoised, against four requests one after another.</summary>
internal static class PipelineBenchmark
{
    private const int Images = 4;

    public static async Task RunAsync(string checkpoint, int side, int steps, int rounds)
    {
        await using var services = await RealServices.StartAsync(checkpoint);
        var client = new ImageGenerationService.ImageGenerationServiceClient(services.Orchestrator.Channel);

        async Task MakeAsync(int count)
        {
            using var call = client.Generate(new GenerateRequest
            {
                Prompt = "a red circle left of a blue square",
                Width = side,
                Height = side,
                Steps = steps,
                Count = count,
                Seed = 1,
            });
            await foreach (var _ in call.ResponseStream.ReadAllAsync())
            {
            }
        }

        async Task MakeOneByOneAsync()
        {
            for (var i = 0; i < Images; i++)
                await MakeAsync(1);
        }

        Sample oneByOne = new("one after another"), together = new("in a pipeline");
        (Sample Sample, Func<Task> Make)[] runs = [(oneByOne, MakeOneByOneAsync), (together, () => MakeAsync(Images))];
        foreach (var (_, make) in runs)
            await make(); // The first of each is slow.
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < runs.Length; i++)
            {
                var (sample, make) = runs[(round + i) % runs.Length];
                await sample.TakeAsync(make);
            }
        }

        Console.WriteLine($"pipeline: {Images} images of {side}x{side} pixels, {steps} steps, {rounds} rounds");
        foreach (var sample in new[] { oneByOne, together })
            Console.WriteLine(FormattableString.Invariant($"  {sample.Name,-17} {Images / sample.Median,7:F3} images/s"));
        Console.WriteLine(FormattableString.Invariant($"  in a pipeline / one after another: {oneByOne.RatioTo(together):F3}"));
    }
}
