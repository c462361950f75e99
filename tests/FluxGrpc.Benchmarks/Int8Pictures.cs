using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Testing.Processes;
using FluxGrpc.Torch;
using FluxGrpc.V1;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// How far pictures are from those in float32 when every linear layer of the transformer is computed in int8, small ones too; beside
/// that, what fewer steps cost. Text encoder and VAE are the services, in float32.
/// </summary>
internal static class Int8Pictures
{
    public static async Task RunAsync(string checkpoint, int side, int steps, int fewerSteps, int pictures)
    {
        string[] common = ["--address", "http://127.0.0.1:0", "--checkpoint", checkpoint, "--device", "cpu", "--dtype", "float32"];
        await using var textEncoder = await ServiceProcess.StartAsync("FluxGrpc.TextEncoder", common);
        await using var vae = await ServiceProcess.StartAsync("FluxGrpc.Vae", common);
        await Task.WhenAll(textEncoder.WaitUntilServingAsync(), vae.WaitUntilServingAsync());
        var encoder = new TextEncoderService.TextEncoderServiceClient(textEncoder.Channel);
        var decoder = new VaeService.VaeServiceClient(vae.Channel);
        using var exact = Load(checkpoint, int8: false);
        using var rounded = Load(checkpoint, int8: true);

        var (off, offByFewer) = (0.0, 0.0);
        for (var seed = 0; seed < pictures; seed++)
        {
            var prompt = await encoder.EncodeAsync(new TextEncoderServiceEncodeRequest { Prompt = DrawnPictures.PromptOf(seed) });
            var expected = await MakeAsync(exact, steps);
            off += DrawnPictures.MeanDifference(await MakeAsync(rounded, steps), expected);
            offByFewer += DrawnPictures.MeanDifference(await MakeAsync(exact, fewerSteps), expected);

            async Task<byte[]> MakeAsync(FluxTransformer transformer, int count)
            {
                var grid = new LatentGrid { Rows = side / 16, Columns = side / 16 };
                using var latents = Sample(transformer, prompt, grid, count, seed);
                using var message = TensorConversion.ToMessage(latents);
                var picture = await decoder.DecodeAsync(new DecodeRequest { Latents = message.Message, Grid = grid });
                return picture.Pixels.Data.ToByteArray();
            }
        }

        Console.WriteLine(FormattableString.Invariant($"int8 in every layer: {pictures} pictures of {side}x{side} pixels, {steps} steps, ")
            + FormattableString.Invariant($"mean difference {off / pictures:F2} of 255; ")
            + FormattableString.Invariant($"in float32 with {fewerSteps} steps {offByFewer / pictures:F2}"));
    }

    private static FluxTransformer Load(string path, bool int8)
    {
        var device = ComputeDevice.Open("cpu", "float32", weightType: int8 ? "int8" : "stored") with { RoundedFrom = 0 };
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        var transformer = new FluxTransformer(TransformerConfigReader.Read(checkpoint), META, device.Kernels);
        checkpoint.LoadInto(transformer, device);
        return transformer;
    }

    /// <summary>Euler's method from noise to latents [1, N, C].</summary>
    private static torch.Tensor Sample(
        FluxTransformer transformer, TextEncoderServiceEncodeResponse prompt, LatentGrid grid, int steps, int seed)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        manual_seed(seed);
        var tokens = grid.Rows * grid.Columns;
        var latents = randn(1, tokens, transformer.Config.InChannels);
        var hiddenStates = TensorConversion.ToTorch(prompt.HiddenStates);
        var conditioning = transformer.Embed(hiddenStates, TensorConversion.ToTorch(prompt.Pooled),
            transformer.Config.TakesGuidance ? tensor([3.5f]) : null,
            Rope.Positions(hiddenStates.shape[1], grid.Rows, grid.Columns, CPU));
        var sigmas = Schedule.Shifted(steps, tokens);
        for (var step = 0; step < steps; step++)
            latents += transformer.Predict(latents, tensor([sigmas[step]]), conditioning) * (sigmas[step + 1] - sigmas[step]);
        return latents.DetachFromDisposeScope();
    }
}
