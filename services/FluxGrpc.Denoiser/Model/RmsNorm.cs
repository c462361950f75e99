using FluxGrpc.Torch;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>Root-mean-square norm over the last dimension, computed in float32. Reference: <c>RMSNorm</c>.</summary>
public sealed class RmsNorm : nn.Module<Tensor, Tensor>, ILoadableParameters
{
    private const string ScaleName = "scale";
    private static readonly Scalar _epsilon = 1e-6;

    [ComponentName(Name = ScaleName)] private Parameter _scale;

    /// <param name="size">Size of the last dimension.</param>
    /// <param name="device">Device of the parameters.</param>
    public RmsNorm(long size, Device? device = null) : base(nameof(RmsNorm))
    {
        _scale = (Parameter)ones(size, device: device).AsParameter().DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <inheritdoc/>
    public void SetParameter(string name, Parameter value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (name != ScaleName)
            throw new ArgumentException($"There is no parameter '{name}'", nameof(name));
        _scale.Dispose();
        _scale = (Parameter)value.DetachFromDisposeScope();
        ConditionallyRegisterParameter(ScaleName, _scale);
    }

    /// <param name="x">[…, size].</param>
    /// <returns>Same shape and dtype as <paramref name="x"/>.</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var wide = x.to(ScalarType.Float32);
        var normed = wide * (wide.square().mean([-1], keepdim: true) + _epsilon).rsqrt();
        return (normed.to(x.dtype) * _scale).MoveToOuterDisposeScope();
    }
}
