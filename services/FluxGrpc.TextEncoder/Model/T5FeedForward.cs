using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Gated GELU in its tanh form: wo(gelu(wi_0 x) · wi_1 x). Reference: <c>T5DenseGatedActDense</c>.</summary>
internal sealed class T5FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "wi_0")] private readonly Linear _gate;
    [ComponentName(Name = "wi_1")] private readonly Linear _input;
    [ComponentName(Name = "wo")] private readonly Linear _output;

    public T5FeedForward(T5Config config, ComputeKernels kernels, Device? device)
        : base(nameof(T5FeedForward))
    {
        _kernels = kernels;
        _gate = nn.Linear(config.HiddenSize, config.FeedForwardSize, hasBias: false, device: device);
        _input = nn.Linear(config.HiddenSize, config.FeedForwardSize, hasBias: false, device: device);
        _output = nn.Linear(config.FeedForwardSize, config.HiddenSize, hasBias: false, device: device);
        RegisterComponents();
    }

    /// <param name="hidden">[B, L, C].</param>
    /// <returns>[B, L, C].</returns>
    public override Tensor forward(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var middle = _kernels.GatedGelu(_gate, _input, hidden);                         // [B, L, F]
        return _kernels.Linear(_output, middle).MoveToOuterDisposeScope();
    }
}
