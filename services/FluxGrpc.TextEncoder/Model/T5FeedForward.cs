using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Gated GELU in its tanh form: wo(gelu(wi_0 x) · wi_1 x). Reference: <c>T5DenseGatedActDense</c>.</summary>
internal sealed class T5FeedForward : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "wi_0")] private readonly Linear _gate;
    [ComponentName(Name = "wi_1")] private readonly Linear _input;
    [ComponentName(Name = "wo")] private readonly Linear _output;

    public T5FeedForward(T5Config config, Device? device)
        : base(nameof(T5FeedForward))
    {
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
        var gate = nn.functional.gelu(_gate.call(hidden), GELU.Approximate.tanh);       // [B, L, F]
        return _output.call(gate * _input.call(hidden)).MoveToOuterDisposeScope();
    }
}
