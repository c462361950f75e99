using FluxGrpc.Testing;
using FluxGrpc.Vae.Model;
using TorchSharp;
using Xunit;

namespace FluxGrpc.GoldenTests.Vae;

/// <summary>The full-size autoencoder, on the meta device, against the official file's list of keys.</summary>
public sealed class AutoEncoderKeyTests
{
    [Fact]
    public void Keys_and_shapes_are_those_of_the_official_file()
    {
        using var network = new AutoEncoder(FullSize.Vae, torch.META);

        var actual = network.named_parameters().Select(parameter => $"{parameter.name} [{string.Join(", ", parameter.parameter.shape)}]");
        var expected = GoldenFolder.Keys("ae_keys.json.gz").Select(entry => $"{entry.Key} [{string.Join(", ", entry.Shape)}]").ToList();

        Assert.Equal(244, expected.Count);
        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("", 83_819_683)]
    [InlineData("encoder.", 34_274_208)]
    [InlineData("decoder.", 49_545_475)]
    public void Parameters_are_as_many_as_the_reference_has(string part, long count)
    {
        using var network = new AutoEncoder(FullSize.Vae, torch.META);

        var actual = network.named_parameters().Where(parameter => parameter.name.StartsWith(part, StringComparison.Ordinal))
            .Sum(parameter => parameter.parameter.numel());

        Assert.Equal(count, actual);
    }
}
