using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>The transformer in this process.</summary>
internal sealed class LocalStep(FluxTransformer transformer, TransformerInput input, long checkpointBytes) : ILocalRun
{
    public string Title => $"a step, {Config.HiddenSize} wide, {Config.DoubleBlockCount} + {Config.SingleBlockCount} blocks, "
        + $"{input.Latents.shape[1]} + {input.HiddenStates.shape[1]} tokens";

    public double Flops => StepCost.Flops(Config, input.Latents.shape[1], input.HiddenStates.shape[1]);

    public TransformerConfig Config => transformer.Config;

    public long CheckpointBytes => checkpointBytes;

    /// <summary>Bytes of the parameters as they are kept.</summary>
    public long WeightBytes => transformer.parameters().Sum(parameter => parameter.numel() * parameter.element_size());

    public static LocalStep Load(string path, ComputeDevice device, int grid, int textTokens)
    {
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        var config = TransformerConfigReader.Read(checkpoint);
        var transformer = new FluxTransformer(config, META, device.Kernels);
        checkpoint.LoadInto(transformer, device);
        torch.manual_seed(1);
        torch.Tensor Draw(params long[] shape)
        {
            using var drawn = randn(shape, device: device.Device); // In float32, so that all types get the same.
            return drawn.to(device.Type).DetachFromDisposeScope();
        }

        var input = new TransformerInput
        {
            Latents = Draw(1, grid * grid, config.InChannels),
            HiddenStates = Draw(1, textTokens, config.ContextSize),
            Pooled = Draw(1, config.PooledSize),
            Timesteps = tensor([0.5f], device: device.Device).DetachFromDisposeScope(),
            Guidance = config.TakesGuidance ? tensor([3.5f], device: device.Device).DetachFromDisposeScope() : null,
            Positions = Rope.Positions(textTokens, grid, grid, device.Device).DetachFromDisposeScope(),
        };
        return new LocalStep(transformer, input, checkpoint.ByteLength);
    }

    // To float32 on the CPU, as the service answers: it also waits for a GPU.
    public float Run()
    {
        using var velocity = Compute();
        return velocity[0, 0, 0].item<float>();
    }

    /// <returns>Velocity [1, N, C].</returns>
    public torch.Tensor Compute()
    {
        using var scope = NewDisposeScope();
        return transformer.call(input).to(ScalarType.Float32).cpu().DetachFromDisposeScope();
    }

    public void Dispose()
    {
        transformer.Dispose();
        input.Latents.Dispose();
        input.HiddenStates.Dispose();
        input.Pooled.Dispose();
        input.Timesteps.Dispose();
        input.Guidance?.Dispose();
        input.Positions.Dispose();
    }
}
