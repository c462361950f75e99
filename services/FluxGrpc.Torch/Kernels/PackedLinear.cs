using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// A small linear layer in float32, its weight copied once into the order in which the product reads it: panels of 16 outputs, in each
/// the inputs one after another. Libraries do that at each call, and for a hundred rows it takes half as long as their product.
/// </summary>
/// <remarks>
/// Each element of the result is the bias and then one fused multiplication and addition after another, in the order of the inputs. So
/// it depends on its own row alone, whatever else is in the batch, and is the same on all processors.
/// </remarks>
internal sealed unsafe class PackedLinear
{
    /// <summary>Outputs that are computed together: two vectors.</summary>
    private const int PanelWidth = 16;

    /// <summary>Of larger weights the copy's memory would tell, and libraries are as fast.</summary>
    public const long MostElements = 1 << 19;

    /// <summary>Panels that a single row is computed with: with fewer, additions would wait for each other.</summary>
    private const int RowPanels = 4;

    /// <summary>Multiplications below which one thread is as fast as several.</summary>
    private const long WorthAThread = 100_000;

    private readonly float[] _memory;
    private readonly float* _bias;
    private readonly float* _panels;
    private readonly Parameter _source;
    private readonly int _inputs;
    private readonly int _panelCount;

    /// <summary>Rows that are computed together: with a panel's outputs each they fill the registers.</summary>
    private readonly int _tileRows;

    private PackedLinear(Linear layer, bool wide)
    {
        _tileRows = wide ? 12 : 6;
        using var scope = NewDisposeScope();
        var (outputs, inputs) = ((int)layer.weight.shape[0], (int)layer.weight.shape[1]);
        _source = layer.weight;
        _inputs = inputs;
        _panelCount = outputs / PanelWidth;
        _memory = GC.AllocateUninitializedArray<float>(outputs * (inputs + 1) + PanelWidth, pinned: true);
        _bias = Align((float*)Unsafe.AsPointer(ref _memory[0]));
        _panels = _bias + outputs;
        Copy(layer.bias?.contiguous() ?? zeros(outputs), _bias);
        var weight = layer.weight.dtype == ScalarType.Float32 ? layer.weight : KeptWeights.Widen(layer, ScalarType.Float32);
        Copy(weight.view(_panelCount, PanelWidth, inputs).transpose(1, 2).contiguous(), _panels);
    }

    /// <summary>Elements of a row of x.</summary>
    public int Inputs => _inputs;

    /// <summary>True for layers of which a copy is worth its memory, on a processor with the instructions.</summary>
    /// <remarks>Weights that take gradients change, and a copy would not.</remarks>
    public static bool Takes(Linear layer) => Fma.IsSupported && layer.weight is { requires_grad: false } weight
        && (weight.dtype == ScalarType.Float32 || KeptWeights.AreOf(layer, ScalarType.Float32))
        && weight.device_type == TorchSharp.DeviceType.CPU
        && weight.numel() <= MostElements && weight.shape[0] % PanelWidth == 0
        && weight.is_contiguous() && (layer.bias is null || layer.bias.dtype == ScalarType.Float32);

    /// <summary>Copies the weight and bias of a layer that it <see cref="Takes"/>.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="wide">Compute with vectors of 512 bits; null where they are faster. The result is the same.</param>
    public static PackedLinear Of(Linear layer, bool? wide = null) => new(layer, wide ?? Vector512.IsHardwareAccelerated);

    /// <summary>False once the layer has another weight than the one that was copied.</summary>
    /// <remarks>By the object: a new weight may get the memory of the one before.</remarks>
    public bool IsOf(Linear layer) => ReferenceEquals(layer.weight, _source);

    /// <summary>x·Wᵀ + b.</summary>
    /// <param name="x">[…, in], contiguous, float32.</param>
    /// <param name="threads">Threads that libtorch computes with.</param>
    /// <param name="finish">Gets parts of the result's rows as they are there, an address and a number of elements; or null.</param>
    /// <returns>[…, out].</returns>
    public Tensor Multiply(Tensor x, int threads, Action<nint, int>? finish = null)
    {
        var y = empty([.. x.shape[..^1], _panelCount * PanelWidth], ScalarType.Float32);
        var (from, to, rows) = (NativeTensor.DataPointer(x), NativeTensor.DataPointer(y), x.numel() / _inputs);
        var parts = (int)Math.Clamp(Math.Min(rows * _inputs * _panelCount * PanelWidth / WorthAThread, _panelCount), 1, threads);
        if (parts == 1)
        {
            Compute((float*)from, (float*)to, rows, 0, _panelCount, finish);
        }
        else
        {
            OmpThreads.Run(parts, threads, part => Compute(
                (float*)from, (float*)to, rows, _panelCount * part / parts, _panelCount * (part + 1) / parts, finish));
        }

        GC.KeepAlive(_memory);
        return y;
    }

    private static void Copy(Tensor values, float* to)
    {
        var count = (int)values.numel();
        new ReadOnlySpan<float>((void*)NativeTensor.DataPointer(values), count).CopyTo(new Span<float>(to, count));
    }

    /// <summary>To the next cache line, which <see cref="PanelWidth"/> elements fill.</summary>
    private static float* Align(float* address)
    {
        const nint Line = PanelWidth * sizeof(float);
        return (float*)((nint)address + Line - 1 & -Line);
    }

    private void Compute(float* x, float* y, long rows, int firstPanel, int endPanel, Action<nint, int>? finish)
    {
        if (rows < _tileRows)
            ComputeRows(x, y, rows, firstPanel, endPanel);
        else
            ComputeTiles(x, y, rows, firstPanel, endPanel);

        for (var row = 0L; finish is not null && row < rows; row++)
            finish((nint)(y + (row * _panelCount + firstPanel) * PanelWidth), (endPanel - firstPanel) * PanelWidth);
    }

    private void ComputeTiles(float* x, float* y, long rows, int firstPanel, int endPanel)
    {
        var outputs = (nint)_panelCount * PanelWidth;
        for (var column = firstPanel * PanelWidth; column < endPanel * PanelWidth; column += PanelWidth)
        {
            var weights = _panels + (nint)column * _inputs;
            for (var row = 0L; row < rows; row += _tileRows)
            {
                var first = Math.Min(row, rows - _tileRows);                             // The last tile computes some rows again.
                var (from, to) = (first * _inputs, first * outputs + column);
                if (_tileRows == 6)
                    MultiplyTile(x + from, weights, _bias + column, _inputs, y + to, outputs);
                else
                    MultiplyWideTile(x + from, weights, _bias + column, _inputs, y + to, outputs);
            }
        }
    }

    private void ComputeRows(float* x, float* y, long rows, int firstPanel, int endPanel)
    {
        for (var panel = firstPanel; panel < endPanel;)
        {
            var together = endPanel - panel >= RowPanels ? RowPanels : 1;
            var column = panel * PanelWidth;
            var weights = _panels + (nint)column * _inputs;
            for (var row = 0L; row < rows; row++)
            {
                var (from, to) = (row * _inputs, row * _panelCount * PanelWidth + column);
                if (together == RowPanels)
                    MultiplyRow(x + from, weights, _bias + column, _inputs, y + to);
                else
                    MultiplyRowByOne(x + from, weights, _bias + column, _inputs, y + to);
            }

            panel += together;
        }
    }

    /// <summary>Six rows times one panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyTile(float* x, float* weights, float* bias, nint inputs, float* y, nint outputs)
    {
        var (left, right) = (Vector256.Load(bias), Vector256.Load(bias + 8));
        Vector256<float> a0 = left, a1 = left, a2 = left, a3 = left, a4 = left, a5 = left;
        Vector256<float> b0 = right, b1 = right, b2 = right, b3 = right, b4 = right, b5 = right;
        float* x1 = x + inputs, x2 = x1 + inputs, x3 = x2 + inputs, x4 = x3 + inputs, x5 = x4 + inputs;
        for (nint i = 0; i < inputs; i++)
        {
            var (w0, w1) = (Vector256.LoadAligned(weights), Vector256.LoadAligned(weights + 8));
            weights += PanelWidth;
            var value = Vector256.Create(x[i]);
            a0 = Fma.MultiplyAdd(value, w0, a0);
            b0 = Fma.MultiplyAdd(value, w1, b0);
            value = Vector256.Create(x1[i]);
            a1 = Fma.MultiplyAdd(value, w0, a1);
            b1 = Fma.MultiplyAdd(value, w1, b1);
            value = Vector256.Create(x2[i]);
            a2 = Fma.MultiplyAdd(value, w0, a2);
            b2 = Fma.MultiplyAdd(value, w1, b2);
            value = Vector256.Create(x3[i]);
            a3 = Fma.MultiplyAdd(value, w0, a3);
            b3 = Fma.MultiplyAdd(value, w1, b3);
            value = Vector256.Create(x4[i]);
            a4 = Fma.MultiplyAdd(value, w0, a4);
            b4 = Fma.MultiplyAdd(value, w1, b4);
            value = Vector256.Create(x5[i]);
            a5 = Fma.MultiplyAdd(value, w0, a5);
            b5 = Fma.MultiplyAdd(value, w1, b5);
        }

        Store(y, a0, b0);
        Store(y + outputs, a1, b1);
        Store(y + 2 * outputs, a2, b2);
        Store(y + 3 * outputs, a3, b3);
        Store(y + 4 * outputs, a4, b4);
        Store(y + 5 * outputs, a5, b5);
    }

    /// <summary>Twelve rows times one panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyWideTile(float* x, float* weights, float* bias, nint inputs, float* y, nint outputs)
    {
        var start = Vector512.Load(bias);
        Vector512<float> a0 = start, a1 = start, a2 = start, a3 = start, a4 = start, a5 = start;
        Vector512<float> a6 = start, a7 = start, a8 = start, a9 = start, a10 = start, a11 = start;
        var (two, three) = (2 * inputs, 3 * inputs);
        float* x4 = x + 4 * inputs, x8 = x + 8 * inputs;
        for (nint i = 0; i < inputs; i++, x++, x4++, x8++, weights += PanelWidth)
        {
            var weight = Vector512.Load(weights);
            a0 = Vector512.FusedMultiplyAdd(Vector512.Create(*x), weight, a0);
            a1 = Vector512.FusedMultiplyAdd(Vector512.Create(x[inputs]), weight, a1);
            a2 = Vector512.FusedMultiplyAdd(Vector512.Create(x[two]), weight, a2);
            a3 = Vector512.FusedMultiplyAdd(Vector512.Create(x[three]), weight, a3);
            a4 = Vector512.FusedMultiplyAdd(Vector512.Create(*x4), weight, a4);
            a5 = Vector512.FusedMultiplyAdd(Vector512.Create(x4[inputs]), weight, a5);
            a6 = Vector512.FusedMultiplyAdd(Vector512.Create(x4[two]), weight, a6);
            a7 = Vector512.FusedMultiplyAdd(Vector512.Create(x4[three]), weight, a7);
            a8 = Vector512.FusedMultiplyAdd(Vector512.Create(*x8), weight, a8);
            a9 = Vector512.FusedMultiplyAdd(Vector512.Create(x8[inputs]), weight, a9);
            a10 = Vector512.FusedMultiplyAdd(Vector512.Create(x8[two]), weight, a10);
            a11 = Vector512.FusedMultiplyAdd(Vector512.Create(x8[three]), weight, a11);
        }

        a0.Store(y);
        a1.Store(y + outputs);
        a2.Store(y + 2 * outputs);
        a3.Store(y + 3 * outputs);
        a4.Store(y + 4 * outputs);
        a5.Store(y + 5 * outputs);
        a6.Store(y + 6 * outputs);
        a7.Store(y + 7 * outputs);
        a8.Store(y + 8 * outputs);
        a9.Store(y + 9 * outputs);
        a10.Store(y + 10 * outputs);
        a11.Store(y + 11 * outputs);
    }

    /// <summary>One row times four panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRow(float* x, float* weights, float* bias, nint inputs, float* y)
    {
        var (a0, b0) = (Vector256.Load(bias), Vector256.Load(bias + 8));
        var (a1, b1) = (Vector256.Load(bias + 16), Vector256.Load(bias + 24));
        var (a2, b2) = (Vector256.Load(bias + 32), Vector256.Load(bias + 40));
        var (a3, b3) = (Vector256.Load(bias + 48), Vector256.Load(bias + 56));
        var panel = inputs * PanelWidth;
        float* weights1 = weights + panel, weights2 = weights1 + panel, weights3 = weights2 + panel;
        for (nint i = 0; i < inputs; i++)
        {
            var (value, at) = (Vector256.Create(x[i]), i * PanelWidth);
            a0 = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights + at), a0);
            b0 = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights + at + 8), b0);
            a1 = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights1 + at), a1);
            b1 = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights1 + at + 8), b1);
            a2 = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights2 + at), a2);
            b2 = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights2 + at + 8), b2);
            a3 = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights3 + at), a3);
            b3 = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights3 + at + 8), b3);
        }

        Store(y, a0, b0);
        Store(y + PanelWidth, a1, b1);
        Store(y + 2 * PanelWidth, a2, b2);
        Store(y + 3 * PanelWidth, a3, b3);
    }

    /// <summary>One row times one panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MultiplyRowByOne(float* x, float* weights, float* bias, nint inputs, float* y)
    {
        var (a, b) = (Vector256.Load(bias), Vector256.Load(bias + 8));
        for (nint i = 0; i < inputs; i++, weights += PanelWidth)
        {
            var value = Vector256.Create(x[i]);
            a = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights), a);
            b = Fma.MultiplyAdd(value, Vector256.LoadAligned(weights + 8), b);
        }

        Store(y, a, b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector256<float> left, Vector256<float> right)
    {
        left.Store(y);
        right.Store(y + 8);
    }
}
