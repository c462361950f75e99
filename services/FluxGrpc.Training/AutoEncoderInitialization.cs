using FluxGrpc.Vae.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>
/// First weights that pass a picture's flat colours on: group norms hide them, so they must come along the short cuts, which are
/// loud at first, while the branches beside them are quiet.
/// </summary>
internal static class AutoEncoderInitialization
{
    private const double QuietBranch = 0.1;
    private const double QuietPicture = 0.3;
    private static readonly Scalar _firstLogVariance = -4;

    /// <summary>Replaces the weights.</summary>
    public static void Apply(AutoEncoder model, int seed)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)(uint)seed, CPU);
        foreach (var (name, parameter) in model.named_parameters())
        {
            if (parameter.dim() > 1)
            {
                var fanIn = parameter.numel() / parameter.shape[0];
                using Scalar deviation = Loudness(name) / Math.Sqrt(fanIn);
                parameter.copy_(randn(parameter.shape, generator: generator) * deviation);
            }
            else
            {
                // TorchSharp leaves the norms' weights as the memory was.
                using Scalar value = name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1;
                parameter.fill_(value);
            }

            if (name == "encoder.conv_out.bias")
                parameter.slice(0, parameter.shape[0] / 2, parameter.shape[0], 1).fill_(_firstLogVariance);
        }
    }

    private static double Loudness(string name) => name switch
    {
        "decoder.conv_out.weight" => QuietPicture,
        _ when name.EndsWith(".conv2.weight", StringComparison.Ordinal) => QuietBranch,
        _ when name.EndsWith(".proj_out.weight", StringComparison.Ordinal) => QuietBranch,
        _ => 1,
    };
}
