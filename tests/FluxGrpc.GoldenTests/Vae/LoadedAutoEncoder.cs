using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.Vae.Model;
using TorchSharp;

namespace FluxGrpc.GoldenTests.Vae;

/// <summary>The golden autoencoder in float32.</summary>
internal static class LoadedAutoEncoder
{
    /// <summary>Loads it; the caller disposes it.</summary>
    /// <param name="change">Changes the sizes and factors that were read, for a twin that errs.</param>
    public static AutoEncoder Open(Func<AutoEncoderConfig, AutoEncoderConfig>? change = null)
    {
        using var checkpoint = Checkpoint.Open(GoldenFolder.PathOf("vae.safetensors"), ModelComponent.Vae);
        var config = AutoEncoderConfig.Read(checkpoint);
        var network = new AutoEncoder(change is null ? config : change(config), torch.META);
        checkpoint.LoadInto(network, ComputeDevice.Open("cpu", "float32"));
        return network;
    }

    /// <summary>A part of the network by its key: "decoder.mid.attn_1".</summary>
    public static torch.nn.Module<torch.Tensor, torch.Tensor> Part(this AutoEncoder network, string key) =>
        (torch.nn.Module<torch.Tensor, torch.Tensor>)network.named_modules().Single(module => module.name == key).module;

    /// <summary>The parts whose keys end so.</summary>
    public static IEnumerable<torch.nn.Module<torch.Tensor, torch.Tensor>> Parts(this AutoEncoder network, string ending) =>
        network.named_modules().Where(module => module.name.EndsWith(ending, StringComparison.Ordinal))
            .Select(module => (torch.nn.Module<torch.Tensor, torch.Tensor>)module.module);

    /// <summary>Makes a part compute something else; what it computed is freed.</summary>
    public static void Replace(this torch.nn.Module<torch.Tensor, torch.Tensor> part, Func<torch.Tensor, torch.Tensor> other) =>
        part.register_forward_hook((_, input, output) =>
        {
            output.Dispose();
            return other(input);
        });
}
