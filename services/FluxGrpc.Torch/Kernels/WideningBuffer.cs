using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Memory in which one layer's kept weight after another is widened. Fresh memory for each takes several times as long as the widening:
/// the system hands it out page by page.
/// </summary>
internal sealed class WideningBuffer
{
    private Tensor? _free;

    /// <summary>Widens a layer's weight; from several threads at once too, each in memory of its own.</summary>
    /// <param name="layer">On the CPU; its weight is kept, see <see cref="KeptWeights"/>.</param>
    /// <param name="type">float32 or bfloat16.</param>
    public Lease Widen(Linear layer, ScalarType type)
    {
        using var noGradients = no_grad();
        var (shape, count) = (layer.weight!.shape, layer.weight.numel());
        var memory = Interlocked.Exchange(ref _free, null);
        if (memory is null || memory.dtype != type || memory.numel() < count)
        {
            memory?.Dispose();
            // Memory that was made in inference mode could be written to in that mode only.
            using var ordinary = inference_mode(false);
            memory = empty(count, type).DetachFromDisposeScope();
        }

        using var start = memory.narrow(0, 0, count);
        var weight = start.view(shape);
        KeptWeights.Widen(layer, weight);
        return new Lease(this, memory, weight);
    }

    /// <summary>A widened weight, whose memory goes back at the end.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="memory">What goes back.</param>
    /// <param name="weight">A view of it.</param>
    public readonly struct Lease(WideningBuffer buffer, Tensor memory, Tensor weight) : IDisposable
    {
        /// <summary>[out, in].</summary>
        public Tensor Weight => weight;

        public void Dispose()
        {
            weight.Dispose();
            Interlocked.Exchange(ref buffer._free, memory)?.Dispose();
        }
    }
}
