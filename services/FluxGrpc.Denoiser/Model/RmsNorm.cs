using FluxGrpc.Torch;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// What is learned of a root-mean-square norm; <see cref="FluxGrpc.Torch.Kernels.ComputeKernels.JointAttention"/> computes it.
/// Reference: <c>RMSNorm</c>.
/// </summary>
public sealed class RmsNorm : nn.Module, ILoadableParameters
{
    private const string ScaleName = "scale";

    [ComponentName(Name = ScaleName)] private Parameter _scale;

    /// <param name="size">Size of the last dimension.</param>
    /// <param name="device">Device of the parameters.</param>
    public RmsNorm(long size, Device? device = null) : base(nameof(RmsNorm))
    {
        _scale = (Parameter)ones(size, device: device).AsParameter().DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <summary>Factors of the normed elements [size].</summary>
    public Tensor Scale => _scale;

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
}
