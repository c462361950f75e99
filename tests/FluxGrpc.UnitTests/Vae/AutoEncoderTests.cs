using FluxGrpc.Testing;
using FluxGrpc.Vae.Model;
using TorchSharp;
using Xunit;

namespace FluxGrpc.UnitTests.Vae;

public sealed class AutoEncoderTests
{
    [Theory]
    [InlineData(new long[] { 4 }, 1)]
    [InlineData(new long[] { 4, 4 }, 1)]
    [InlineData(new long[] { 4, 8, 8 }, 2)]
    public void Sizes_follow_the_number_of_levels(long[] channels, int blocks)
    {
        using var scope = torch.NewDisposeScope();
        using var network = new AutoEncoder(Config(channels, blocks));
        var factor = 1 << (channels.Length - 1);

        using var latents = network.Encode(torch.zeros(2, 3, 8, 16));
        using var image = network.Decode(latents);

        Assert.Equal([2, 5, 8 / factor, 16 / factor], latents.shape);
        Assert.Equal([2, 3, 8, 16], image.shape);
    }

    [Fact]
    public void Blocks_that_keep_their_channels_have_no_convolution_in_the_short_cut()
    {
        using var network = new AutoEncoder(Config([4, 4, 8], 2), torch.META);

        var names = network.named_parameters().Select(parameter => parameter.name).Where(name => name.EndsWith("nin_shortcut.weight"));

        Assert.Equal(["decoder.up.1.block.0.nin_shortcut.weight", "encoder.down.2.block.0.nin_shortcut.weight"], names.Order());
    }

    [Fact]
    public void Norms_begin_without_effect()
    {
        using var network = new AutoEncoder(Config([4, 8], 1));

        foreach (var (name, parameter) in network.named_parameters().Where(entry => entry.parameter.Dimensions == 1))
        {
            if (name.Contains("norm", StringComparison.Ordinal))
                Assert.All(parameter.data<float>().ToArray(), value => Assert.Equal(name.EndsWith(".bias") ? 0 : 1, value));
        }
    }

    [Fact]
    public void Bfloat16_weights_take_and_give_what_is_documented()
    {
        using var scope = torch.NewDisposeScope();
        using var network = new AutoEncoder(Config([4, 8], 1)).to(torch.ScalarType.BFloat16);

        using var latents = network.Encode(torch.zeros(1, 3, 8, 8));
        using var image = network.Decode(latents);

        Assert.Equal(torch.ScalarType.Float32, latents.dtype);
        Assert.Equal(torch.ScalarType.BFloat16, image.dtype);
    }

    [Fact]
    public void Both_directions_leave_nothing_behind()
    {
        using var network = new AutoEncoder(Config([4, 8], 2));
        using var inference = torch.inference_mode();
        var before = LiveTensors.CountSettled();

        using (var image = torch.zeros(1, 3, 16, 16))
        using (var latents = network.Encode(image))
        using (var moments = network.EncodeMoments(image))
        using (var decoded = network.Decode(latents))
        using (var both = network.call(image))
            Assert.Equal(before + 5, torch.Tensor.TotalCount);

        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    [Fact]
    public void Every_parameter_gets_a_gradient()
    {
        using var scope = torch.NewDisposeScope();
        using var network = new AutoEncoder(Config([4, 8], 1));

        network.call(torch.randn(1, 3, 8, 8)).square().sum().backward();
        // The log-variance takes no part without sampling, but shares its convolution with the mean.
        Assert.DoesNotContain(network.named_parameters(), parameter => parameter.parameter.grad is null);
    }

    private static AutoEncoderConfig Config(long[] channels, int blocks) => new()
    {
        LevelChannels = channels,
        BlocksPerLevel = blocks,
        LatentChannels = 5,
        NormGroups = 2,
        ScalingFactor = 0.5,
        ShiftFactor = 0.25,
        SampleSize = 16,
    };
}
