using FluxGrpc.Client;
using FluxGrpc.LocalCluster;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.LocalCluster;

/// <summary>The four services in this process, and the client library that talks to them.</summary>
public sealed class EmbeddedClusterTests
{
    [Fact]
    public async Task It_makes_pictures_and_leaves_nothing_behind()
    {
        var cluster = await EmbeddedCluster.StartAsync(Mini());
        var sockets = Path.GetDirectoryName(cluster.Address["unix:".Length..])!;
        var events = new List<GenerateResponse.EventOneofCase>();
        await using (cluster)
        {
            await using var client = FluxClient.Connect(cluster.Address);
            await foreach (var happened in client.GenerateAsync(Small(count: 2)))
                events.Add(happened.EventCase);
        }

        Assert.Equal(
            [GenerateResponse.EventOneofCase.Accepted, GenerateResponse.EventOneofCase.Encoded], events.Take(2));
        Assert.Equal(GenerateResponse.EventOneofCase.Finished, events[^1]);
        Assert.Equal(2, events.Count(happened => happened == GenerateResponse.EventOneofCase.Image));
        Assert.Equal(4, events.Count(happened => happened == GenerateResponse.EventOneofCase.Step));
        Assert.Equal(9, events.Count);
        Assert.False(Directory.Exists(sockets));
    }

    [Fact]
    public async Task The_client_hands_out_each_image_and_decodes_what_the_server_refuses()
    {
        await using var cluster = await EmbeddedCluster.StartAsync(Mini());
        await using var client = FluxClient.Connect(cluster.Address);

        var seeds = new List<ulong>();
        await foreach (var image in client.GenerateImagesAsync(Small(count: 2)))
            seeds.Add(image.Seed);
        var info = await client.GetModelInfoAsync();
        var status = await client.GetStatusAsync();
        var refused = await Assert.ThrowsAsync<FluxException>(async () =>
        {
            await foreach (var _ in client.GenerateAsync(new GenerateRequest { Prompt = "", Width = 17 }))
            {
            }
        });

        Assert.Equal([1, 2], seeds);
        Assert.True(info.Denoiser.Component.ParameterCount > 0);
        Assert.All(status.Components, component => Assert.True(component.Ready, component.Problem));
        Assert.Equal(StatusCode.InvalidArgument, refused.Status);
        Assert.Equal(["prompt", "width"], refused.Violations.Select(violation => violation.Field).Order());
    }

    [Fact]
    public async Task Prompt_and_negative_prompt_never_meet_in_a_pass_that_would_show()
    {
        await using var cluster = await EmbeddedCluster.StartAsync(Mini() with { Kernels = "plain" });
        await using var client = FluxClient.Connect(cluster.Address);
        var request = Small(count: 1);
        request.Steps = 8;
        request.NegativePrompt = "a dog";

        var sizes = new List<int>();
        await foreach (var happened in client.GenerateAsync(request))
        {
            if (happened.Step is { } step)
                sizes.Add(step.BatchSize);
        }

        Assert.Equal(Enumerable.Repeat(1, 8), sizes);
    }

    [Fact]
    public async Task Images_that_share_passes_are_those_that_are_made_alone()
    {
        var (alone, sizesAlone) = await DrawAsync(Mini() with { Kernels = "plain" });
        var (together, sizes) = await DrawAsync(Mini() with { Kernels = "plain", BatchInvariant = false });

        Assert.Equal(Enumerable.Repeat(1, sizes.Count), sizesAlone);
        Assert.InRange(sizes.Max(), 2, alone.Length);
        for (var i = 0; i < alone.Length; i++)
        {
            Assert.InRange(Differences(alone[i], together[i]).Max(), 0, 3); // Of 255: other kernels, other last bits.
            Assert.InRange(Differences(alone[i], together[(i + 1) % alone.Length]).Max(), 30, 255); // Another image.
        }
    }

    [Fact]
    public async Task Images_share_passes_by_default_where_that_does_not_change_a_byte()
    {
        var (together, sizes) = await DrawAsync(Mini());

        Assert.InRange(sizes.Max(), 2, together.Length);
        for (var i = 0; i < together.Length; i++)
        {
            var (alone, sizesAlone) = await DrawAsync(Mini(), count: 1, seed: 1 + (ulong)i);
            Assert.Equal(alone[0], together[i]);
            Assert.All(sizesAlone, size => Assert.Equal(1, size));
        }
    }

    [Fact]
    public async Task Leaving_the_loop_early_stops_the_work()
    {
        await using var cluster = await EmbeddedCluster.StartAsync(Mini());
        await using var client = FluxClient.Connect(cluster.Address);

        await foreach (var happened in client.GenerateAsync(new GenerateRequest { Prompt = "a cat", Steps = 200 }))
        {
            if (happened.EventCase == GenerateResponse.EventOneofCase.Step)
                break;
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while ((await client.GetStatusAsync(patience.Token)).Generations > 0)
            await Task.Yield();
    }

    [Fact]
    public async Task A_checkpoint_that_is_not_there_is_an_exception()
    {
        var exception = await Assert.ThrowsAsync<InvalidDataException>(
            () => EmbeddedCluster.StartAsync(Mini() with { Checkpoint = "/nowhere/at/all" }));

        Assert.Contains("/nowhere/at/all", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_that_is_not_there_is_an_exception_that_names_those_there_are()
    {
        var exception = await Assert.ThrowsAsync<ArgumentException>(() => EmbeddedCluster.StartAsync(Mini() with { Device = "cuda:99" }));

        Assert.Contains("'cuda:99' is not there; devices of this machine: cpu", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_that_do_not_fit_are_an_exception_and_no_endless_wait()
    {
        var folder = Directory.CreateTempSubdirectory("flux-test-");
        try
        {
            foreach (var component in new[] { "transformer", "vae", "text_encoder", "tokenizer", "tokenizer_2" })
                Directory.CreateSymbolicLink(Path.Combine(folder.FullName, component), Path.Combine(EmbeddedCheckpoint.Folder, component));
            var t5 = folder.CreateSubdirectory("text_encoder_2").FullName;
            File.WriteAllText(Path.Combine(t5, "config.json"), GoldenFolder.Config("t5").GetRawText());
            File.Copy(GoldenFolder.PathOf("t5.safetensors"), Path.Combine(t5, "model.safetensors"));

            var exception = await Assert.ThrowsAsync<InvalidDataException>(
                () => EmbeddedCluster.StartAsync(Mini() with { Checkpoint = folder.FullName, AllowVocabularyMismatch = true }));

            Assert.Contains("do not fit one another", exception.Message, StringComparison.Ordinal);
            Assert.Contains("the text encoder gives 48", exception.Message, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_start_can_be_cancelled()
    {
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => EmbeddedCluster.StartAsync(Mini(), cancellation.Token));
    }

    /// <summary>Pixels of some images, and the sizes of the passes that their steps were in.</summary>
    private static async Task<(byte[][] Pixels, List<int> BatchSizes)> DrawAsync(
        EmbeddedClusterOptions options, int count = 4, ulong seed = 1)
    {
        await using var cluster = await EmbeddedCluster.StartAsync(options);
        await using var client = FluxClient.Connect(cluster.Address);
        var request = Small(count);
        (request.Steps, request.Seed) = (8, seed);
        (request.Width, request.Height) = (128, 128);
        var pixels = new byte[request.Count][];
        List<int> sizes = [];
        await foreach (var happened in client.GenerateAsync(request))
        {
            if (happened.Step is { } step)
                sizes.Add(step.BatchSize);
            if (happened.Image is { } image)
                pixels[image.ImageIndex] = PictureReader.Read(image.Data.Span, request.Width, request.Height);
        }

        return (pixels, sizes);
    }

    private static IEnumerable<int> Differences(byte[] one, byte[] other) =>
        one.Zip(other, (left, right) => Math.Abs(left - right));

    private static EmbeddedClusterOptions Mini() => new() { Checkpoint = EmbeddedCheckpoint.Folder, Dtype = "float32" };

    private static GenerateRequest Small(int count) =>
        new() { Prompt = "a red circle", Width = 64, Height = 64, Steps = 2, Seed = 1, Count = count };
}
