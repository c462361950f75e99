using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Google.Protobuf;
using Xunit;

namespace FluxGrpc.ProcessTests.EndToEnd;

/// <summary>gRPC's default limit of 4 MiB a message bites nowhere.</summary>
public sealed class LargeMessageTests
{
    private const int FullTextTokens = 512;
    private const int FullContextSize = 4096;

    [Fact]
    public async Task T5_s_512_tokens_of_4096_travel_to_the_orchestrator_and_on_to_the_denoiser()
    {
        using var folder = new TemporaryFolder();
        RandomCheckpoint.Write(folder.Path, RandomModel.Mini with
        {
            MaxTokens = FullTextTokens,
            T5 = RandomModel.Mini.T5 with { HiddenSize = FullContextSize, HeadCount = 1, FeedForwardSize = 16, LayerCount = 1 },
            Transformer = RandomModel.Mini.Transformer with { ContextSize = FullContextSize, DoubleBlockCount = 1, SingleBlockCount = 1 },
        });
        await using var services = await RealServices.StartAsync(folder.Path);
        var client = new ImageGenerationService.ImageGenerationServiceClient(services.Orchestrator.Channel);
        using var call = client.Generate(new GenerateRequest
        {
            Prompt = "a red circle",
            Width = 64,
            Height = 64,
            Steps = 1,
            Seed = 1,
            IncludeTensors = true,
        });

        var hidden = new List<Tensor>();
        var images = 0;
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
            var item = call.ResponseStream.Current;
            if (item.EventCase == GenerateResponse.EventOneofCase.Encoded)
                hidden.Add(item.Encoded.HiddenStates);
            images += item.EventCase == GenerateResponse.EventOneofCase.Image ? 1 : 0;
        }

        Assert.Equal([1L, FullTextTokens, FullContextSize], Assert.Single(hidden).Shape);
        Assert.Equal(1, images);
    }

    [Fact]
    public async Task A_picture_of_2048_by_2048_pixels_passes()
    {
        const int Side = 2048;
        await using var vae = await ServiceProcess.StartAsync("FluxGrpc.Vae", "--address", "http://127.0.0.1:0",
            "--checkpoint", RealServicesFixture.Checkpoint, "--device", "cpu", "--dtype", "auto");
        await vae.WaitUntilServingAsync();
        var latents = new Tensor
        {
            DataType = DataType.Float32,
            Shape = { 1, 16, Side / 8, Side / 8 },
            Data = ByteString.CopyFrom(new byte[16 * (Side / 8) * (Side / 8) * sizeof(float)]),
        };

        var reply = await new VaeService.VaeServiceClient(vae.Channel).DecodeAsync(new DecodeRequest { Latents = latents });

        Assert.Equal([Side, Side, 3L], reply.Pixels.Shape);
        Assert.Equal(3 * Side * Side, reply.Pixels.Data.Length);
    }
}
