using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>Brings one part of the conditioning to the width of the tokens. Reference: <c>MLPEmbedder</c>.</summary>
public sealed class MlpEmbedder : nn.Module<Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "in_layer")] private readonly Linear _in;
    [ComponentName(Name = "out_layer")] private readonly Linear _out;

    /// <param name="inSize">Size of the input.</param>
    /// <param name="hiddenSize">Width D.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Device of the parameters.</param>
    public MlpEmbedder(long inSize, long hiddenSize, ComputeKernels kernels, Device? device = null) : base(nameof(MlpEmbedder))
    {
        _kernels = kernels;
        _in = nn.Linear(inSize, hiddenSize, device: device);
        _out = nn.Linear(hiddenSize, hiddenSize, device: device);
        RegisterComponents();
    }

    /// <param name="x">[B, size of the input].</param>
    /// <returns>[B, D].</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return _kernels.Linear(_out, nn.functional.silu(_kernels.Linear(_in, x))).MoveToOuterDisposeScope();
    }
}
