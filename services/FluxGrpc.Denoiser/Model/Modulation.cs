using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>How the conditioning changes one residual branch; each [B, 1, D].</summary>
/// <param name="Shift">Added to the normed tokens.</param>
/// <param name="Scale">The normed tokens are multiplied by 1 + scale.</param>
/// <param name="Gate">The branch's result is multiplied by it.</param>
public readonly record struct ShiftScaleGate(Tensor Shift, Tensor Scale, Tensor Gate);

/// <summary>Makes shifts, scales and gates from the conditioning vector. Reference: <c>Modulation</c>.</summary>
public sealed class Modulation : nn.Module<Tensor, ShiftScaleGate[]>
{
    private readonly ComputeKernels _kernels;
    private readonly int _branches;
    [ComponentName(Name = "lin")] private readonly Linear _linear;

    /// <param name="config">Sizes.</param>
    /// <param name="branches">Residual branches that are modulated.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Device of the parameters.</param>
    public Modulation(TransformerConfig config, int branches, ComputeKernels kernels, Device? device = null) : base(nameof(Modulation))
    {
        _kernels = kernels;
        _branches = branches;
        _linear = nn.Linear(config.HiddenSize, 3 * branches * config.HiddenSize, device: device);
        RegisterComponents();
    }

    /// <param name="vec">Conditioning vector [B, D].</param>
    /// <returns>One for each branch.</returns>
    public override ShiftScaleGate[] forward(Tensor vec)
    {
        using var scope = NewDisposeScope();
        var parts = _kernels.Linear(_linear, nn.functional.silu(vec)).unsqueeze(1).chunk(3 * _branches, dim: -1);    // [B, 1, D] each
        foreach (var part in parts)
            part.MoveToOuterDisposeScope();
        return [.. parts.Chunk(3).Select(branch => new ShiftScaleGate(branch[0], branch[1], branch[2]))];
    }
}
