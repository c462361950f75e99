using FluxGrpc.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>The product of the network's largest layer: what this machine can do.</summary>
internal sealed class MatrixProduct(ComputeDevice device) : IDisposable
{
    private const int MatrixRows = 1536, MatrixInner = 3072, MatrixColumns = 12288;

    private readonly torch.Tensor _rows =
        randn([MatrixRows, MatrixInner], device.Type, device.Device).DetachFromDisposeScope();

    private readonly torch.Tensor _weights =
        randn([MatrixColumns, MatrixInner], device.Type, device.Device).DetachFromDisposeScope();

    public static string Shape => $"{MatrixRows}x{MatrixInner}x{MatrixColumns}";

    public static double Flops => 2.0 * Repeats * MatrixRows * MatrixInner * MatrixColumns;

    private static int Repeats => 4;

    public float Run()
    {
        var last = 0f;
        for (var i = 0; i < Repeats; i++)
            last = nn.functional.linear(_rows, _weights)[0, 0].to(ScalarType.Float32).item<float>();
        return last;
    }

    public void Dispose()
    {
        _rows.Dispose();
        _weights.Dispose();
    }
}
