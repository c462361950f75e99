using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Linear layers that keep their weight as float8_e4m3fn, a quarter of float32's memory: W = weight · scale. The scale, where there is
/// one, is the layer's buffer <see cref="ScaleName"/>.
/// </summary>
public static class Float8Weights
{
    /// <summary>float8_e4m3fn, which <see cref="ScalarType"/> lacks a name for.</summary>
    public const ScalarType Type = (ScalarType)NativeTensor.Float8E4M3Fn;

    /// <summary>Name of a layer's buffer [1], or [out, 1] where a layer is put together of several; float32.</summary>
    public const string ScaleName = "weight_scale";

    private static readonly Lazy<Tensor> _values =
        new(() => tensor([.. Enumerable.Range(0, 256).Select(ValueOf)]).DetachFromDisposeScope());

    /// <summary>Gives a layer its weight's scale.</summary>
    /// <param name="layer">Its weight is float8.</param>
    /// <param name="scale">[1] or [out, 1], float32; the layer owns it.</param>
    public static void SetScale(Linear layer, Tensor scale)
    {
        ArgumentNullException.ThrowIfNull(layer);
        layer.register_buffer(ScaleName, scale);
    }

    /// <summary>The scale of a layer's weight, which the layer owns; null for 1.</summary>
    public static Tensor? ScaleOf(Linear layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return layer.get_buffer(ScaleName);
    }

    /// <summary>True where the layer keeps float8.</summary>
    public static bool AreOf(Linear layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return layer.weight!.dtype == Type;
    }

    /// <summary>The layer's weight in the type that it is multiplied in: scaled in float32 and rounded once, as if loaded so.</summary>
    /// <param name="layer">With a weight of any type.</param>
    /// <param name="type">float32 or bfloat16, and the weight's own where that is not float8.</param>
    /// <returns>[out, in]; the caller disposes it.</returns>
    public static Tensor Widen(Linear layer, ScalarType type)
    {
        if (!AreOf(layer))
            return layer.weight!.alias();

        using var scope = NewDisposeScope();
        var (stored, scale) = (layer.weight!, ScaleOf(layer));
        if (stored.device_type != DeviceType.CPU || scale?.numel() > 1)
            return Scaled(stored.to(type), scale).MoveToOuterDisposeScope();
        var table = Scaled(_values.Value.to(type, copy: true), scale);
        return Lookup(stored.contiguous(), table).MoveToOuterDisposeScope();
    }

    /// <summary>In place. A scale that is a tensor is multiplied by in float32; a number would be rounded to the weight's type.</summary>
    private static Tensor Scaled(Tensor values, Tensor? scale) => scale is null ? values : values.mul_(scale);

    /// <summary>On a CPU libtorch takes several times as long to convert float8 as memory takes to hold the result.</summary>
    /// <param name="codes">[out, in], contiguous, on the CPU.</param>
    /// <param name="table">What each of the 256 codes stands for; float32 or bfloat16.</param>
    private static unsafe Tensor Lookup(Tensor codes, Tensor table)
    {
        var values = empty(codes.shape, table.dtype);
        var (rows, columns) = (codes.shape[0], codes.shape[1]);
        var (from, to, of) = (NativeTensor.DataPointer(codes), NativeTensor.DataPointer(values), NativeTensor.DataPointer(table));
        var isWide = table.dtype == ScalarType.Float32;
        FusedRows.ForEach(rows, values.numel() * values.element_size(), get_num_threads(), row =>
        {
            var first = row * columns;
            if (isWide)
                Translate((byte*)from + first, (float*)of, (float*)to + first, columns);
            else
                Translate((byte*)from + first, (ushort*)of, (ushort*)to + first, columns);
        });
        return values;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Translate<T>(byte* codes, T* table, T* values, long count) where T : unmanaged
    {
        for (long i = 0; i < count; i++)
            values[i] = table[codes[i]];
    }

    /// <summary>Sign, four bits of exponent (bias 7), three of mantissa; no infinities.</summary>
    private static float ValueOf(int code)
    {
        const int NotANumber = 0x7F;
        var (exponent, mantissa) = (code >> 3 & 0xF, code & 0x7);
        if ((code & NotANumber) == NotANumber)
            return float.NaN;
        var magnitude = exponent == 0 ? MathF.ScaleB(mantissa, -9) : MathF.ScaleB(8 + mantissa, exponent - 10);
        return code < 0x80 ? magnitude : -magnitude;
    }
}
