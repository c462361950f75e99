using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>The layers that the autoencoder is made of, and how they are chained without keeping what is used up.</summary>
internal static class Layers
{
    private const double NormEpsilon = 1e-6;

    public static GroupNorm Norm(AutoEncoderConfig config, long channels, Device? device)
    {
        var norm = nn.GroupNorm(config.NormGroups, channels, NormEpsilon, device: device);
        nn.init.ones_(norm.weight); // TorchSharp leaves them as the memory was.
        nn.init.zeros_(norm.bias!);
        return norm;
    }

    public static Conv2d Convolution3x3(long inChannels, long outChannels, Device? device) =>
        nn.Conv2d(inChannels, outChannels, kernel_size: 3, padding: 1, device: device);

    public static Conv2d Convolution1x1(long inChannels, long outChannels, Device? device) =>
        nn.Conv2d(inChannels, outChannels, kernel_size: 1, device: device);

    /// <summary>Norms, applies SiLU, and frees its input, as <see cref="Consume"/> does.</summary>
    public static Tensor ConsumeNormSilu(this ComputeKernels kernels, GroupNorm norm, Tensor input)
    {
        var output = kernels.NormSilu(norm, input);
        input.Dispose();
        return output;
    }

    /// <summary>
    /// Calls the layer and frees its input: an activation of a 2048×2048 picture takes up to 4 GiB, so none may wait for the
    /// end of a dispose scope. Only for inputs that the caller made itself.
    /// </summary>
    public static Tensor Consume(this nn.Module<Tensor, Tensor> layer, Tensor input)
    {
        var output = layer.call(input);
        input.Dispose();
        return output;
    }
}
