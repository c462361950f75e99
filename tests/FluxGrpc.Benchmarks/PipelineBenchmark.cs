using FluxGrpc.Channels;
using FluxGrpc.LocalCluster;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks;

/// <summary>Four images of one request against four requests one after another, in the embedded services.</summary>
internal static class PipelineBenchmark
{
    private const int Images = 4;

    public static async Task RunAsync(string checkpoint, int side, int steps, int rounds, bool batchInvariant)
    {
        await using var services = await EmbeddedCluster.StartAsync(
            new EmbeddedClusterOptions { Checkpoint = checkpoint, BatchInvariant = batchInvariant });
        using var channel = ServiceChannel.Create(ServiceAddress.Parse(services.Address));
        var client = new ImageGenerationService.ImageGenerationServiceClient(channel);

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

        Sample oneByOne = new("one after another"), together = new("in one request");
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

        var passes = batchInvariant ? "passes in common where no byte changes" : "passes in common";
        Console.WriteLine($"pipeline: {Images} images of {side}x{side} pixels, {steps} steps, {passes}, {rounds} rounds");
        foreach (var sample in new[] { oneByOne, together })
            Console.WriteLine(FormattableString.Invariant($"  {sample.Name,-17} {Images / sample.Median,7:F3} images/s"));
        Console.WriteLine(FormattableString.Invariant($"  in one request / one after another: {oneByOne.RatioTo(together):F3}"));
    }
}
