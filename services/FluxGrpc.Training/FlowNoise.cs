using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>The straight line from picture (t = 0) to noise (t = 1).</summary>
internal static class FlowNoise
{
    /// <summary>Times [B] whose logit is normal, and noise like the latents.</summary>
    public static (Tensor Times, Tensor Noise) Draw(Tensor latents, double mean, double deviation, Generator generator)
    {
        using var scope = NewDisposeScope();
        using Scalar scale = deviation, shift = mean;
        var times = (randn([latents.shape[0]], device: latents.device, generator: generator) * scale + shift).sigmoid();
        var noise = randn(latents.shape, device: latents.device, generator: generator);
        return (times.MoveToOuterDisposeScope(), noise.MoveToOuterDisposeScope());
    }

    /// <summary>(1 − t)·latents + t·noise.</summary>
    public static Tensor Mix(Tensor latents, Tensor noise, Tensor times)
    {
        using var scope = NewDisposeScope();
        return latents.lerp(noise, times.view(-1, 1, 1)).MoveToOuterDisposeScope();
    }
}
