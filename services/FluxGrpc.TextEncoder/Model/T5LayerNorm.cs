using FluxGrpc.Torch;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Division by the root mean square, without shift, in float32 whatever the input's type. Reference: <c>T5LayerNorm</c>.</summary>
internal sealed class T5LayerNorm : nn.Module<Tensor, Tensor>, ILoadableParameters
{
    [ComponentName(Name = "weight")] private Parameter _scale;
    private readonly Scalar _epsilon;

    public T5LayerNorm(int size, double epsilon, Device? device)
        : base(nameof(T5LayerNorm))
    {
        _scale = nn.Parameter(ones(size, device: device));
        _epsilon = epsilon;
        RegisterComponents();
    }

    public void SetParameter(string name, Parameter value)
    {
        _scale = value;
        ConditionallyRegisterParameter(name, value);
    }

    /// <param name="input">[B, L, C].</param>
    /// <returns>[B, L, C], same dtype.</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var exact = input.to(ScalarType.Float32);
        var meanSquare = exact.square().mean([-1L], keepdim: true);                 // [B, L, 1]
        var normalized = exact * rsqrt(meanSquare + _epsilon) * _scale.to(ScalarType.Float32);
        return normalized.to(input.dtype).MoveToOuterDisposeScope();
    }
}
