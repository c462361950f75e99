using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>Linear layers on a CPU by libtorch's own product or oneDNN's, whatever their weights are held in.</summary>
/// <param name="oneDnn">Null for libtorch's own, which for bfloat16 is oneDNN's in any case.</param>
internal sealed class LibraryLinear(OneDnn? oneDnn)
{
    /// <summary>With fewer rows oneDNN's product is slower, for it packs the weight each time.</summary>
    private const long OneDnnRows = 64;

    private readonly WideningBuffer _buffer = new();

    /// <summary>x·Wᵀ + b.</summary>
    /// <param name="layer">Weight and bias.</param>
    /// <param name="x">[…, in], float32 or bfloat16.</param>
    /// <returns>[…, out].</returns>
    public Tensor Multiply(Linear layer, Tensor x)
    {
        if (IsComputedInFloat32(x))
            return MultiplyInFloat32(layer, x);
        using var kept = Widen(layer, x.dtype);
        return Multiply(x, kept?.Weight ?? layer.weight!, layer.bias);
    }

    /// <summary>GELU in its tanh form of x·Wᵀ + b, where the library has both in one.</summary>
    /// <param name="layer">Weight and bias.</param>
    /// <param name="x">[…, in], float32 or bfloat16.</param>
    /// <returns>[…, out]; null where it has not.</returns>
    public Tensor? TryMultiplyGelu(Linear layer, Tensor x)
    {
        if (!TakesOneDnn(x) || layer.bias is not { } bias)
            return null;
        using var kept = Widen(layer, x.dtype);
        return oneDnn!.LinearGelu(x, kept?.Weight ?? layer.weight!, bias);
    }

    private Tensor Multiply(Tensor x, Tensor weight, Tensor? bias) =>
        TakesOneDnn(x) ? oneDnn!.Linear(x, weight, bias) : nn.functional.linear(x, weight, bias);

    /// <summary>Summed in float32 and rounded once, as processors with bfloat16 products do it.</summary>
    private Tensor MultiplyInFloat32(Linear layer, Tensor x)
    {
        using var scope = NewDisposeScope();
        var weight = KeptWeights.AreOf(layer, x.dtype) ? KeptWeights.Widen(layer, x.dtype) : layer.weight!;
        var product = Multiply(
            x.to(ScalarType.Float32), weight.to(ScalarType.Float32), layer.bias?.to(ScalarType.Float32));
        return product.to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>A kept weight in the type of the inputs; null for others.</summary>
    private WideningBuffer.Lease? Widen(Linear layer, ScalarType type) =>
        KeptWeights.AreOf(layer, type) ? _buffer.Widen(layer, type) : null;

    private bool TakesOneDnn(Tensor x) => oneDnn is not null && x.dtype == ScalarType.Float32 && HasRows(x);

    /// <summary>Where the processor has no bfloat16 products, libtorch's take six times as long as float32's.</summary>
    private static bool IsComputedInFloat32(Tensor x) =>
        x.dtype == ScalarType.BFloat16 && !Processor.MultipliesBfloat16 && HasRows(x);

    private static bool HasRows(Tensor x) => x.numel() / x.shape[^1] >= OneDnnRows;
}
