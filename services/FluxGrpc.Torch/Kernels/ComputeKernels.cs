using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// How the operations that the models spend their time in are computed: chosen once for a device, see <see cref="For"/>. The model
/// code says what is computed and stays the same. <see cref="Plain"/> is what every other way is tested against.
/// </summary>
/// <remarks>Letters of all shapes: B samples, T tokens, D = H·d elements of a token in H heads, M middle of an MLP.</remarks>
public abstract class ComputeKernels
{
    /// <summary>Name of the choice by the device: <see cref="ProcessorKernels"/> on a CPU, else <see cref="JoinedOperators"/>.</summary>
    public const string Auto = "auto";

    /// <summary>
    /// Raised with each change of the last bits, and part of a fingerprint: versions must not go on with each other's images.
    /// </summary>
    public const int Revision = 3;

    /// <summary>Epsilon of all norms of the transformer.</summary>
    public const double NormEpsilon = 1e-6;

    /// <summary>libtorch's operators one by one: works on every device, and with gradients.</summary>
    public static ComputeKernels Plain { get; } = new PlainKernels();

    /// <summary>Name as configured, and whether it multiplies in float8 or int8.</summary>
    public abstract string Name { get; }

    /// <summary>Chooses.</summary>
    /// <param name="device">Where to compute.</param>
    /// <param name="name"><see cref="Auto"/>, "plain", "fused" or "onednn".</param>
    /// <param name="weights">What linear layers may have as weights; those that are kept are taken in any case.</param>
    /// <exception cref="ArgumentException">No such way, or not on this device.</exception>
    public static ComputeKernels For(DeviceType device, string name, WeightType weights = WeightType.Compute)
    {
        var isProcessor = device == DeviceType.CPU;
        if (weights == WeightType.Int8 && !isProcessor)
            throw new ArgumentException($"int8 is for the CPU, and the device is {device}");
        if (weights == WeightType.Int8 && name == PlainKernels.Label)
            throw new ArgumentException($"kernels '{name}' have no int8; allowed with it: auto, fused, onednn");
        return name switch
        {
            PlainKernels.Label => weights == WeightType.Float8 ? new PlainKernels(weights) : Plain,
            ProcessorKernels.FusedLabel or Auto when !isProcessor => new JoinedOperators(weights),
            ProcessorKernels.OneDnnLabel when !isProcessor =>
                throw new ArgumentException($"kernels '{name}' are for the CPU, and the device is {device}; allowed: auto, plain, fused"),
            Auto => new ProcessorKernels(Processor.IsAmd, weights),
            ProcessorKernels.FusedLabel => new ProcessorKernels(oneDnn: false, weights),
            ProcessorKernels.OneDnnLabel => new ProcessorKernels(oneDnn: true, weights),
            _ => throw new ArgumentException($"kernels '{name}' are unknown; allowed: auto, plain, fused, onednn"),
        };
    }

    /// <summary>
    /// True where what a model makes of a sample is the same to the last bit whatever samples are computed with it: its linear layers
    /// and norms take each row for itself. Libraries choose among their products by the number of rows, and each rounds otherwise.
    /// </summary>
    /// <param name="model">A transformer whose linear layers are all computed here.</param>
    public virtual bool IsBatchInvariant(nn.Module model) => false;

    /// <summary>x·Wᵀ + b.</summary>
    /// <param name="layer">Weight and bias.</param>
    /// <param name="x">[…, in].</param>
    /// <returns>[…, out].</returns>
    public abstract Tensor Linear(Linear layer, Tensor x);

    /// <summary>GELU in its tanh form of x·Wᵀ + b.</summary>
    /// <param name="layer">Weight and bias.</param>
    /// <param name="x">[…, in].</param>
    /// <returns>[…, out].</returns>
    public abstract Tensor LinearGelu(Linear layer, Tensor x);

    /// <summary>GELU in its tanh form of one layer's output, times another's. Reference: <c>T5DenseGatedActDense</c>.</summary>
    /// <param name="gate">Weight [M, D].</param>
    /// <param name="layer">Weight [M, D].</param>
    /// <param name="x">[B, T, D].</param>
    /// <returns>[B, T, M].</returns>
    public abstract Tensor GatedGelu(Linear gate, Linear layer, Tensor x);

    /// <summary>Two sets of features side by side, the second through GELU in its tanh form.</summary>
    /// <param name="first">[B, T, D].</param>
    /// <param name="second">[B, T, M]; may be a view of rows that are further apart.</param>
    /// <returns>[B, T, D + M].</returns>
    public abstract Tensor JoinGelu(Tensor first, Tensor second);

    /// <summary>(1 + scale)·norm(x) + shift, where norm is the LayerNorm over D without learned parameters.</summary>
    /// <param name="x">[B, T, D].</param>
    /// <param name="shift">[B, 1, D].</param>
    /// <param name="scale">[B, 1, D].</param>
    /// <returns>[B, T, D].</returns>
    public abstract Tensor NormModulate(Tensor x, Tensor shift, Tensor scale);

    /// <summary>x + gate·branch.</summary>
    /// <param name="x">[B, T, D].</param>
    /// <param name="gate">[B, 1, D].</param>
    /// <param name="branch">[B, T, D].</param>
    /// <returns>[B, T, D].</returns>
    public abstract Tensor GatedSum(Tensor x, Tensor gate, Tensor branch);

    /// <summary>x·scale/√(mean(x²) + epsilon) over the last dimension, in float32. Reference: <c>T5LayerNorm</c>.</summary>
    /// <param name="x">[B, T, D].</param>
    /// <param name="scale">[D].</param>
    /// <param name="epsilon">Added to the mean square.</param>
    /// <returns>[B, T, D], same dtype as <paramref name="x"/>.</returns>
    public abstract Tensor ScaledRmsNorm(Tensor x, Tensor scale, double epsilon);

    /// <summary>softmax(scores + bias) over the last dimension, in float32.</summary>
    /// <param name="scores">[B, H, T, T].</param>
    /// <param name="bias">[1, H, T, T], float32.</param>
    /// <returns>[B, H, T, T], same dtype as <paramref name="scores"/>.</returns>
    public abstract Tensor BiasedSoftmax(Tensor scores, Tensor bias);

    /// <summary>silu(norm(x)), normed in groups of channels.</summary>
    /// <param name="norm">Groups, weight and bias.</param>
    /// <param name="picture">[B, C, h, w]; stays as it is.</param>
    /// <returns>[B, C, h, w].</returns>
    public abstract Tensor NormSilu(GroupNorm norm, Tensor picture);

    /// <summary>Puts a picture's elements into the order in which convolutions are fast; those that follow keep it.</summary>
    /// <param name="picture">[B, C, h, w].</param>
    /// <returns>The same elements [B, C, h, w].</returns>
    public abstract Tensor ForConvolution(Tensor picture);

    /// <summary>Doubles both sides by repeating each position, then a 3×3 convolution. Reference: <c>Upsample</c>.</summary>
    /// <param name="layer">Convolution of C channels to C' with a border of 1.</param>
    /// <param name="picture">[B, C, h, w]; stays as it is.</param>
    /// <returns>[B, C', 2h, 2w].</returns>
    public abstract Tensor UpsampleConvolution(Conv2d layer, Tensor picture);

    /// <summary>softmax(q·kᵀ/√d)·v.</summary>
    /// <param name="heads">[B, H, T, d] each.</param>
    /// <returns>[B, T, D], heads side by side.</returns>
    public abstract Tensor Attention(QueryKeyValue heads);

    /// <summary>
    /// Attention over all tokens of several streams, their queries and keys normed by their root mean square (in float32) and turned
    /// by their positions (in float32). Reference: <c>QKNorm</c>, <c>apply_rope</c>, <c>attention</c>.
    /// </summary>
    /// <param name="streams">Streams of equal B, H and d, in the order of their tokens.</param>
    /// <param name="turns">Rotations of the T tokens [1 or B, 1, T, d/2], complex64: cos + i·sin of each pair of adjacent elements.</param>
    /// <returns>[B, T, D], heads side by side.</returns>
    public abstract Tensor JointAttention(IReadOnlyList<HeadProjection> streams, Tensor turns);
}
