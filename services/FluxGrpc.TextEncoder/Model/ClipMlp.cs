using FluxGrpc.Torch.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Two layers with OpenAI's "quick" GELU between them: x · sigmoid(1.702 x). Reference: <c>CLIPMLP</c>.</summary>
internal sealed class ClipMlp : nn.Module<Tensor, Tensor>
{
    private static readonly Scalar _steepness = 1.702;
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "fc1")] private readonly Linear _input;
    [ComponentName(Name = "fc2")] private readonly Linear _output;

    public ClipMlp(ClipConfig config, ComputeKernels kernels, Device? device)
        : base(nameof(ClipMlp))
    {
        _kernels = kernels;
        _input = nn.Linear(config.HiddenSize, config.MlpSize, device: device);
        _output = nn.Linear(config.MlpSize, config.HiddenSize, device: device);
        RegisterComponents();
    }

    /// <param name="hidden">[B, S, P].</param>
    /// <returns>[B, S, P].</returns>
    public override Tensor forward(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var wide = _kernels.Linear(_input, hidden);                                    // [B, S, F]
        return _kernels.Linear(_output, wide * (wide * _steepness).sigmoid()).MoveToOuterDisposeScope();
    }
}
