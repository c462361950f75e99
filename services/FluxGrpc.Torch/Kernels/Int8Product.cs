using System.Runtime.InteropServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Linear layers computed in int8 on a CPU, by oneDNN. The inputs are rounded token by token, so that a large element in one costs the
/// others nothing; the sums are exact.
/// </summary>
internal sealed unsafe class Int8Product
{
    private static readonly Lazy<Int8Product> _shared = new(() => new Int8Product());

    private readonly jit.ScriptModule _script = TorchScriptArchive.Load(
        TorchScriptArchive.Method("pack", ["w"], "ops.onednn.qlinear_prepack(w, None)")
        + TorchScriptArchive.Method("product", ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero"],
            "ops.onednn.qlinear_pointwise(x, x_scale, x_zero, w, w_scale, w_zero, None, 1.0, 0, "
            + $"{(int)ScalarType.Float32}, \"none\", annotate(List[Optional[number]], []), \"\")"));

    private readonly Tensor _one = ones(1).DetachFromDisposeScope();
    private readonly Tensor _zero = zeros(1, ScalarType.Int32).DetachFromDisposeScope();

    /// <summary>The one of this process.</summary>
    public static Int8Product Shared => _shared.Value;

    /// <summary>Computes a small product, so that a machine that cannot is known at the start and not in a step.</summary>
    /// <exception cref="ArgumentException">It cannot.</exception>
    public static void Check()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw new ArgumentException($"int8 is for x64 processors, and this one is {RuntimeInformation.ProcessArchitecture}");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(FusedRows.Width, FusedRows.Width);
        try
        {
            layer.weight = Int8Weights.Round(layer, layer.weight!);
            Shared.Multiply(layer, ones(1, FusedRows.Width), threads: 1, gelu: false);
        }
        catch (ExternalException exception)
        {
            throw new ArgumentException($"int8 is not for this machine: {exception.Message.Split('\n')[0]}", exception);
        }
    }

    /// <summary>Puts a weight into the order that products read.</summary>
    /// <param name="codes">[out, in], int8.</param>
    /// <returns>[out, in]; nothing but a product can read it.</returns>
    public Tensor Pack(Tensor codes) => (Tensor)_script.invoke("pack", codes);

    /// <summary>x·Wᵀ + b, through GELU in its tanh form or not.</summary>
    /// <param name="layer">Its weight is rounded, see <see cref="Int8Weights"/>.</param>
    /// <param name="x">[…, in], float32 or bfloat16.</param>
    /// <param name="threads">Threads that libtorch computes with.</param>
    /// <param name="gelu">Whether GELU follows.</param>
    /// <returns>[…, out] in the type of <paramref name="x"/>.</returns>
    public Tensor Multiply(Linear layer, Tensor x, int threads, bool gelu)
    {
        using var scope = NewDisposeScope();
        var (source, rows, inputs) = (x.contiguous(), FusedRows.Of(x.dtype), (int)x.shape[^1]);
        var count = x.numel() / inputs;
        var (codes, steps, zeroPoints) = (empty([count, inputs], ScalarType.Byte), empty(count), empty(count));
        var (from, to) = (NativeTensor.DataPointer(source), NativeTensor.DataPointer(codes));
        var (ofSteps, ofZeroPoints) = (NativeTensor.DataPointer(steps), NativeTensor.DataPointer(zeroPoints));
        FusedRows.ForEach(count, source.numel() * rows.ElementSize, threads, row =>
        {
            ((float*)ofSteps)[row] = rows.RoundToUInt8(
                (byte*)from + row * inputs * rows.ElementSize, (byte*)to + row * inputs, inputs, out var zeroPoint);
            ((float*)ofZeroPoints)[row] = zeroPoint;
        });

        var (scale, sum) = Int8Weights.FactsOf(layer);
        var products = (Tensor)_script.invoke("product", codes, _one, _zero, layer.weight, scale, _zero);     // [rows, out], float32
        var size = (int)products.shape[1];
        var y = x.dtype == ScalarType.Float32 ? products : empty_like(products, x.dtype);
        var (ofProducts, ofSums, target) = (NativeTensor.DataPointer(products), NativeTensor.DataPointer(sum), NativeTensor.DataPointer(y));
        var bias = layer.bias is null ? 0 : NativeTensor.DataPointer(layer.bias);
        FusedRows.ForEach(count, 2 * products.numel() * sizeof(float), threads, row =>
        {
            var at = (byte*)target + row * size * rows.ElementSize;
            rows.Unround((float*)ofProducts + row * size, ((float*)ofSteps)[row], ((float*)ofZeroPoints)[row], (float*)ofSums,
                (byte*)bias, at, size);
            if (gelu)
                rows.Gelu(at, at, size);
        });
        GC.KeepAlive((layer, source, codes));
        return y.view([.. x.shape[..^1], size]).MoveToOuterDisposeScope();
    }
}
