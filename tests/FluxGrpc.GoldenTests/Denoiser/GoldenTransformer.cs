using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>A golden transformer: the module filled from its checkpoint, the reference's inputs and outputs.</summary>
internal sealed class GoldenTransformer : IDisposable
{
    private readonly TemporaryCheckpoint _folder;

    /// <summary>One in float32.</summary>
    /// <param name="config">Its object in configs.json.</param>
    /// <param name="weights">File of weights; by default the config's name.</param>
    /// <param name="kernels">How to compute, by name.</param>
    public GoldenTransformer(string config, string? weights = null, string kernels = PlainKernels.Label)
        : this(config, ComputeDevice.Open("cpu", "float32", kernels), weights)
    {
    }

    /// <param name="config">Its object in configs.json.</param>
    /// <param name="device">How to compute.</param>
    /// <param name="weights">File of weights; by default the config's name.</param>
    public GoldenTransformer(string config, ComputeDevice device, string? weights = null)
        : this(config, device, new TemporaryCheckpoint(config, weights ?? $"{config}.safetensors"))
    {
    }

    /// <param name="config">Its object in configs.json.</param>
    /// <param name="device">How to compute.</param>
    /// <param name="folder">The weights; this owns the folder.</param>
    public GoldenTransformer(string config, ComputeDevice device, TemporaryCheckpoint folder)
    {
        _folder = folder;
        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.Transformer);
        Module = new FluxTransformer(TransformerConfigReader.Read(checkpoint), META, device.Kernels);
        checkpoint.LoadInto(Module, device);
        Io = GoldenFolder.Open($"{config}_io.safetensors");
    }

    /// <summary>The module; its parameters may be the mapped file: a test that changes them takes a <see cref="Copy"/>.</summary>
    public FluxTransformer Module { get; }

    /// <summary>Inputs and expected outputs.</summary>
    public GoldenFile Io { get; }

    /// <summary>The reference's inputs, both samples; the caller's dispose scope owns them.</summary>
    public TransformerInput Input() => new()
    {
        Latents = Io["img"],
        HiddenStates = Io["txt"],
        Pooled = Io["y"],
        Timesteps = Io["timesteps"],
        Guidance = Module.Config.TakesGuidance ? Io["guidance"] : null,
        Positions = cat([Io["txt_ids"], Io["img_ids"]], dim: 1),
    };

    /// <summary>A module of the same weights that may be changed; the caller disposes it.</summary>
    /// <param name="kernels">How it computes; null is the plain way.</param>
    public FluxTransformer Copy(ComputeKernels? kernels = null)
    {
        using var noGradients = no_grad();
        var copy = new FluxTransformer(Module.Config, kernels: kernels);
        var originals = Module.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        foreach (var (name, parameter) in copy.named_parameters())
            parameter.copy_(originals[name]);
        return copy;
    }

    public void Dispose()
    {
        Io.Dispose();
        Module.Dispose();
        _folder.Dispose();
    }
}
