using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.Vae.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>FLUX's autoencoder with random weights, decoding, in this process.</summary>
internal sealed class LocalDecoding : ILocalRun
{
    private readonly AutoEncoder _network;
    private readonly torch.Tensor _latents;

    private LocalDecoding(AutoEncoder network, torch.Tensor latents) => (_network, _latents) = (network, latents);

    public string Title => $"VAE decoding, {Config.LevelChannels[^1]} channels, {8 * _latents.shape[3]}x{8 * _latents.shape[2]} pixels";

    public double Flops
    {
        get
        {
            double Convolution(double inputs, double outputs, double positions) => 2 * 9 * inputs * outputs * positions;
            double Block(double inputs, double outputs, double positions) => Convolution(inputs, outputs, positions)
                + Convolution(outputs, outputs, positions) + (inputs == outputs ? 0 : 2 * inputs * outputs * positions);

            double positions = _latents.shape[2] * _latents.shape[3], channels = Config.LevelChannels[^1];
            var flops = Convolution(Config.LatentChannels, channels, positions) + 2 * Block(channels, channels, positions)
                + 4 * 2 * channels * channels * positions + 4 * positions * positions * channels;    // The middle's attention.
            foreach (var (index, width) in Config.LevelChannels.Reverse().Index())
            {
                flops += Block(channels, width, positions) + Config.BlocksPerLevel * Block(width, width, positions);
                channels = width;
                if (index == Config.LevelChannels.Count - 1)
                    continue;
                positions *= 4;
                flops += Convolution(width, width, positions);
            }

            return flops + Convolution(channels, AutoEncoderConfig.ImageChannels, positions);
        }
    }

    private static AutoEncoderConfig Config => FullSize.Vae;

    public static LocalDecoding Make(ComputeDevice device, int side)
    {
        manual_seed(1);
        var network = new AutoEncoder(Config, CPU, device.Kernels);
        network.to(device.Device, device.Type);
        return new LocalDecoding(network, randn([1, Config.LatentChannels, side / 8, side / 8]).to(device.Device).DetachFromDisposeScope());
    }

    /// <returns>Picture [1, 3, H, W].</returns>
    public torch.Tensor Compute()
    {
        using var scope = NewDisposeScope();
        return _network.Decode(_latents).to(ScalarType.Float32).cpu().DetachFromDisposeScope();
    }

    public void Dispose()
    {
        _network.Dispose();
        _latents.Dispose();
    }
}
