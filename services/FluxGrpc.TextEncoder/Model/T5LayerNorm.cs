using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.TextEncoder.Model;

/// <summary>Division by the root mean square, without shift, in float32 whatever the input's type. Reference: <c>T5LayerNorm</c>.</summary>
internal sealed class T5LayerNorm : nn.Module<Tensor, Tensor>, ILoadableParameters
{
    [ComponentName(Name = "weight")] private Parameter _scale;
    private readonly ComputeKernels _kernels;
    private readonly double _epsilon;

    public T5LayerNorm(T5Config config, ComputeKernels kernels, Device? device)
        : base(nameof(T5LayerNorm))
    {
        _scale = nn.Parameter(ones(config.HiddenSize, device: device));
        _kernels = kernels;
        _epsilon = config.LayerNormEpsilon;
        RegisterComponents();
    }

    public void SetParameter(string name, Parameter value)
    {
        _scale = value;
        ConditionallyRegisterParameter(name, value);
    }

    /// <param name="input">[B, L, C].</param>
    /// <returns>[B, L, C], same dtype.</returns>
    public override Tensor forward(Tensor input) => _kernels.ScaledRmsNorm(input, _scale, _epsilon);
}
