using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>Maps the image tokens to velocities, modulated by the conditioning. Reference: <c>LastLayer</c>.</summary>
public sealed class LastLayer : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "linear")] private readonly Linear _toVelocity;
    [ComponentName(Name = "adaLN_modulation")] private readonly Sequential _modulation;

    /// <param name="config">Sizes.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Device of the parameters.</param>
    public LastLayer(TransformerConfig config, ComputeKernels kernels, Device? device = null) : base(nameof(LastLayer))
    {
        _kernels = kernels;
        _toVelocity = nn.Linear(config.HiddenSize, config.OutChannels, device: device);
        _modulation = nn.Sequential(
            ("0", nn.SiLU()),
            ("1", nn.Linear(config.HiddenSize, 2 * config.HiddenSize, device: device)));
        RegisterComponents();
    }

    /// <param name="img">Image tokens [B, N, D].</param>
    /// <param name="vec">Conditioning vector [B, D].</param>
    /// <returns>Velocity [B, N, out channels], same dtype as <paramref name="img"/>.</returns>
    public override Tensor forward(Tensor img, Tensor vec)
    {
        using var scope = NewDisposeScope();
        var parts = _kernels.Linear((Linear)_modulation[1], nn.functional.silu(vec)).unsqueeze(1).chunk(2, dim: -1);    // 2 × [B, 1, D]
        var (shift, scale) = (parts[0], parts[1]);                           // Shift first; diffusers files store scale first.
        return _kernels.Linear(_toVelocity, _kernels.NormModulate(img, shift, scale)).MoveToOuterDisposeScope();
    }
}
