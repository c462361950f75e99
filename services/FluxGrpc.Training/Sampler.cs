using FluxGrpc.Denoiser.Model;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Scenes;
using FluxGrpc.Vae.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>How the guidance is brought to bear.</summary>
internal enum GuidanceMode
{
    /// <summary>Two predictions, with the caption and without: before the distillation.</summary>
    ClassifierFree,

    /// <summary>By the network's guidance input, as the services do.</summary>
    Distilled,
}

/// <summary>Draws pictures with a model in training: the orchestrator's schedule, many pictures at once.</summary>
/// <param name="model">The model.</param>
/// <param name="autoEncoder">Decodes.</param>
/// <param name="device">Where to compute.</param>
internal sealed class Sampler(FlowModel model, AutoEncoder autoEncoder, Device device)
{
    /// <summary>Draws a picture for each prompt.</summary>
    /// <param name="prompts">Prompts.</param>
    /// <param name="seed">Seed of the first picture; each has the next.</param>
    /// <param name="size">Size of all pictures in pixels.</param>
    /// <param name="settings">Steps and guidance.</param>
    public IReadOnlyList<RgbImage> Draw(IReadOnlyList<string> prompts, int seed, (int Width, int Height) size, SamplerSettings settings)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var grid = PatchGrid.OfPixels(size.Width, size.Height);
        var text = model.Text.Encode(model.Text.Tokenize(prompts));
        var nothing = model.Text.Encode(model.Text.Tokenize([.. prompts.Select(_ => "")]));
        var positions = Rope.Positions(MiniModel.TextTokens, grid.Rows, grid.Columns, device);
        var latents = LatentTokens.Pack(cat([.. prompts.Select((_, index) => Noise(seed + index, grid))]).to(device));
        var timesteps = Schedule.Shifted(settings.Steps, grid.TokenCount);
        for (var step = 0; step < settings.Steps; step++)
        {
            using var stepScope = NewDisposeScope();
            var times = full([prompts.Count], timesteps[step], device: device);
            var velocity = Velocity(latents, times, text, nothing, positions, settings);
            using Scalar length = timesteps[step + 1] - timesteps[step];
            var next = latents + velocity * length;
            latents.Dispose();
            latents = next.MoveToOuterDisposeScope();
        }

        return PictureTensor.ToPictures(autoEncoder.Decode(LatentTokens.Unpack(latents, grid.Rows, grid.Columns)));
    }

    private Tensor Velocity(
        Tensor latents, Tensor times, (Tensor, Tensor) text, (Tensor, Tensor) nothing, Tensor positions, SamplerSettings settings)
    {
        if (settings.Mode == GuidanceMode.Distilled)
            return model.Velocity(latents, times, full_like(times, settings.Guidance), text, positions);

        var neutral = full_like(times, FlowTrainer.NeutralGuidance);
        var conditional = model.Velocity(latents, times, neutral, text, positions);
        var unconditional = model.Velocity(latents, times, neutral, nothing, positions);
        using Scalar guidance = settings.Guidance;
        return unconditional + (conditional - unconditional) * guidance;
    }

    private static Tensor Noise(int seed, PatchGrid grid)
    {
        using var generator = new Generator((ulong)seed, CPU);
        return randn([1, MiniModel.AutoEncoder.LatentChannels, 2 * grid.Rows, 2 * grid.Columns], generator: generator);
    }
}
