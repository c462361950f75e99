using System.Buffers;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Torch;

/// <summary>Wire to torch and back; bytes are wrapped, not copied, where source and target allow it.</summary>
public static class TensorConversion
{
    /// <summary>Views a message without problems (see <see cref="TensorMessage"/>) as a CPU tensor over the same bytes.</summary>
    /// <returns>Read only; the caller disposes it.</returns>
    public static torch.Tensor ToTorch(V1.Tensor message)
    {
        var pin = message.Data.Memory.Pin();
        unsafe
        {
            return NativeTensor.Wrap((nint)pin.Pointer, [.. message.Shape], (sbyte)ToScalarType(message.DataType), new PinnedBytes(pin));
        }
    }

    /// <summary>Copies a valid message to a device in the type asked for; the caller disposes the result.</summary>
    public static torch.Tensor ToTorch(V1.Tensor message, Device device, ScalarType type)
    {
        using var view = ToTorch(message);
        using var sent = DeviceTransfer.Send(view, device);
        return sent.to(type, copy: device.type == DeviceType.CPU);
    }

    /// <summary>
    /// Wraps a tensor as a message over the same bytes; a tensor on a device, or not contiguous, is copied to the CPU once.
    /// Dispose the result after the message was written.
    /// </summary>
    public static OutgoingTensor ToMessage(torch.Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var isAsSent = tensor.device_type == DeviceType.CPU && tensor.is_contiguous();
        var sent = isAsSent ? tensor.alias() : tensor.to(CPU).contiguous();
        return new OutgoingTensor(sent.DetachFromDisposeScope());
    }

    /// <summary>libtorch's name of an element type on the wire.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Unspecified or unknown.</exception>
    public static ScalarType ToScalarType(DataType type) => type switch
    {
        DataType.Float32 => ScalarType.Float32,
        DataType.Bfloat16 => ScalarType.BFloat16,
        DataType.Float16 => ScalarType.Float16,
        DataType.Int64 => ScalarType.Int64,
        DataType.Int32 => ScalarType.Int32,
        DataType.Uint8 => ScalarType.Byte,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not an element type"),
    };

    /// <summary>The name on the wire of libtorch's element type.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A type that the wire does not have.</exception>
    public static DataType ToDataType(ScalarType type) => type switch
    {
        ScalarType.Float32 => DataType.Float32,
        ScalarType.BFloat16 => DataType.Bfloat16,
        ScalarType.Float16 => DataType.Float16,
        ScalarType.Int64 => DataType.Int64,
        ScalarType.Int32 => DataType.Int32,
        ScalarType.Byte => DataType.Uint8,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Not on the wire"),
    };

    private sealed class PinnedBytes(MemoryHandle pin) : IDisposable
    {
        private MemoryHandle _pin = pin;

        public void Dispose() => _pin.Dispose();
    }
}
