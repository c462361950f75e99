using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>One of the models in this process, with an input.</summary>
internal interface ILocalRun : IDisposable
{
    /// <summary>Its sizes, for people.</summary>
    string Title { get; }

    /// <summary>Floating-point operations of a run: matrix products and convolutions only, a multiplication and an addition each.</summary>
    double Flops { get; }

    /// <summary>Runs it.</summary>
    /// <returns>The result, float32 on the CPU, in no dispose scope.</returns>
    Tensor Compute();
}
