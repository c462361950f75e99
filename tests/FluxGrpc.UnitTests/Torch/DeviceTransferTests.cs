using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Torch;

/// <summary>What of copies to a device can be seen on the CPU: that there are none.</summary>
public sealed class DeviceTransferTests
{
    public DeviceTransferTests() => NativeLibraries.EnsureLoaded();

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(Float8Weights.Type)]
    public void On_the_cpu_the_memory_is_the_same(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var source = zeros(4, 4).to(type);
        using var sent = DeviceTransfer.Send(source, CPU);
        Assert.NotSame(source, sent);
        Assert.Equal(NativeTensor.DataPointer(source), NativeTensor.DataPointer(sent));
    }

    /// <summary>A GPU's copy is not converted where the types are equal, and disposing it must not take the result away.</summary>
    [Fact]
    public void A_conversion_to_the_same_type_outlives_what_it_was_made_of()
    {
        using var source = ones(3);
        Tensor kept;
        using (var sent = DeviceTransfer.Send(source, CPU))
            kept = sent.to(ScalarType.Float32, copy: false);
        using (kept)
            Assert.Equal([1f, 1, 1], kept.data<float>().ToArray());
    }
}
