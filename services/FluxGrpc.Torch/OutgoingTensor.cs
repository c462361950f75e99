using System.Buffers;
using FluxGrpc.Tensors;
using TorchSharp;

namespace FluxGrpc.Torch;

/// <summary>A tensor on its way out: the message's bytes are the tensor's own, valid until this is disposed.</summary>
public sealed class OutgoingTensor : IDisposable
{
    private readonly TensorMemory _memory;

    internal OutgoingTensor(torch.Tensor tensor)
    {
        _memory = new TensorMemory(tensor);
        Message = TensorMessage.Wrap(TensorConversion.ToDataType(tensor.dtype), _memory.Memory, tensor.shape);
    }

    /// <summary>The message; do not keep it longer than this object.</summary>
    public V1.Tensor Message { get; }

    /// <summary>Frees the tensor.</summary>
    public void Dispose() => ((IDisposable)_memory).Dispose();

    private sealed unsafe class TensorMemory(torch.Tensor tensor) : MemoryManager<byte>
    {
        private readonly int _length = checked((int)(tensor.numel() * tensor.element_size()));

        public override Span<byte> GetSpan() => new((void*)NativeTensor.DataPointer(tensor), _length);

        public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)NativeTensor.DataPointer(tensor) + elementIndex);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                tensor.Dispose();
        }
    }
}
