using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.V1;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Torch;

public sealed class TensorConversionTests
{
    [Fact]
    public void A_message_becomes_a_tensor_and_a_message_again_and_nothing_stays_alive()
    {
        float[] values = [1, 2, 3, 4, 5, 6];
        var message = TensorMessage.FromFloats(values, 2, 3);
        var before = LiveTensors.CountSettled();

        using (var tensor = TensorConversion.ToTorch(message))
        using (var outgoing = TensorConversion.ToMessage(tensor))
        {
            Assert.Equal([2, 3], tensor.shape);
            Assert.Equal(values, TensorMessage.ToFloats(outgoing.Message));
        }

        Assert.Equal(before, TorchSharp.torch.Tensor.TotalCount);
    }

    [Fact]
    public void Bytes_are_wrapped_not_copied_both_ways()
    {
        var bytes = new byte[16];
        var message = TensorMessage.Wrap(DataType.Float32, bytes, 4);
        using var tensor = TensorConversion.ToTorch(message);
        using var outgoing = TensorConversion.ToMessage(tensor);

        BitConverter.TryWriteBytes(bytes.AsSpan(8), 42f);

        Assert.Equal(42f, tensor[2].item<float>());
        Assert.Equal(42f, TensorMessage.Floats(outgoing.Message)[2]);
    }

    [Fact]
    public void One_buffer_may_be_wrapped_twice_and_freed_in_any_order()
    {
        var message = TensorMessage.FromFloats([1, 2, 3], 3);
        var first = TensorConversion.ToTorch(message);
        var second = TensorConversion.ToTorch(message);

        first.Dispose();

        Assert.Equal(6f, second.sum().item<float>());
        second.Dispose();
    }

    [Fact]
    public void A_view_with_gaps_is_sent_as_its_own_elements()
    {
        using var square = arange(9, dtype: ScalarType.Float32).reshape(3, 3);
        using var column = square.slice(1, 1, 2, 1);
        using var outgoing = TensorConversion.ToMessage(column);

        Assert.Equal([1f, 4f, 7f], TensorMessage.ToFloats(outgoing.Message));
        Assert.Equal([3L, 1L], outgoing.Message.Shape);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Int64)]
    public void Every_type_keeps_its_bytes(ScalarType type)
    {
        using var tensor = arange(5, dtype: ScalarType.Float32).to_type(type);
        using var outgoing = TensorConversion.ToMessage(tensor);
        using var back = TensorConversion.ToTorch(outgoing.Message);

        Assert.Equal(type, back.dtype);
        Assert.Equal(tensor.bytes.ToArray(), back.bytes.ToArray());
    }
}
