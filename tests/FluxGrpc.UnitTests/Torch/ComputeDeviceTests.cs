using FluxGrpc.Torch;
using TorchSharp;
using Xunit;

namespace FluxGrpc.UnitTests.Torch;

public sealed class ComputeDeviceTests
{
    [Theory]
    [InlineData("cuda:99")]
    [InlineData("tpu")]
    [InlineData("cpu:1")]
    public void A_device_that_is_not_there_is_an_error_that_names_those_there_are(string device)
    {
        var exception = Assert.Throws<ArgumentException>(() => ComputeDevice.Open(device, "auto"));

        Assert.Contains($"device '{device}' is not there; devices of this machine: cpu", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Automatic_type_on_the_cpu_follows_the_processor()
    {
        var expected = Processor.MultipliesBfloat16 ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32;

        Assert.Equal(expected, ComputeDevice.Open("cpu", "auto").Type);
        Assert.Equal(torch.ScalarType.Float32, ComputeDevice.Open("cpu", "float32").Type);
        Assert.Equal("bfloat16", ComputeDevice.Open("cpu", "bfloat16").TypeName);
    }

    [Fact]
    public void An_unknown_type_is_refused()
    {
        var exception = Assert.Throws<ArgumentException>(() => ComputeDevice.Open("cpu", "int8"));

        Assert.Contains("'int8' is unknown; allowed: auto, float32, bfloat16", exception.Message, StringComparison.Ordinal);
    }
}
