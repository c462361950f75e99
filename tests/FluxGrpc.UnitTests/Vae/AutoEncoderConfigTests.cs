using FluxGrpc.Checkpoints;
using FluxGrpc.Vae.Model;
using Xunit;

namespace FluxGrpc.UnitTests.Vae;

public sealed class AutoEncoderConfigTests : IDisposable
{
    private const string FullConfig = """
        { "in_channels": 3, "out_channels": 3, "block_out_channels": [8, 8, 16], "layers_per_block": 2, "latent_channels": 5,
          "norm_num_groups": 4, "scaling_factor": 0.5, "shift_factor": -0.25, "sample_size": 64,
          "use_quant_conv": false, "use_post_quant_conv": false,
          "latent_rgb_factors": [[1, 2, 3], [0, 0, 0], [-1, 0.5, 0], [4, 5, 6], [7, 8, 9]], "latent_rgb_factors_bias": [0.1, 0.2, 0.3] }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("vae-config").FullName;

    [Fact]
    public void Sizes_come_from_the_tensors_and_the_rest_from_the_file()
    {
        var config = Read(FullConfig);

        Assert.Equal([8, 8, 16], config.LevelChannels);
        Assert.Equal((2, 5, 4), (config.BlocksPerLevel, config.LatentChannels, config.NormGroups));
        Assert.Equal((0.5, -0.25, 64), (config.ScalingFactor, config.ShiftFactor, config.SampleSize));
        Assert.Equal((4, 8), (config.DownscaleFactor, config.PixelMultiple));
        Assert.Equal([-1, 0.5, 0], config.LatentColors!.Factors[2]);
        Assert.Equal([0.1, 0.2, 0.3], config.LatentColors.Bias);
    }

    [Fact]
    public void Without_a_file_the_rest_is_that_of_Flux()
    {
        Write([32, 64], groups: 32);

        var config = Read(json: null);

        Assert.Equal((32, 0.3611, 0.1159, 1024), (config.NormGroups, config.ScalingFactor, config.ShiftFactor, config.SampleSize));
        Assert.Equal([32, 64], config.LevelChannels);
    }

    [Fact]
    public void Latents_have_colors_where_the_file_says_so_or_the_autoencoder_is_that_of_Flux()
    {
        Assert.Null(Read("""{ "norm_num_groups": 4 }""").LatentColors);
        Assert.Equal(LatentColors.Flux.Factors.Count, LatentColors.Flux.Factors.Count(row => row.Count == 3));

        Write([32, 64], groups: 32, latentChannels: 16);

        Assert.Same(LatentColors.Flux, Read(json: null).LatentColors);
    }

    [Theory]
    [InlineData("\"block_out_channels\": [8, 8, 16]", "\"block_out_channels\": [8, 16, 16]", "[8, 16, 16]", "[8, 8, 16]")]
    [InlineData("\"layers_per_block\": 2", "\"layers_per_block\": 3", "layers_per_block = 3", "2")]
    [InlineData("\"latent_channels\": 5", "\"latent_channels\": 16", "latent_channels = 16", "5")]
    [InlineData("\"in_channels\": 3", "\"in_channels\": 4", "in_channels = 4", "3")]
    [InlineData("\"norm_num_groups\": 4", "\"norm_num_groups\": 3", "norm_num_groups is 3", "[8, 8, 16]")]
    [InlineData("\"norm_num_groups\": 4", "\"norm_num_groups\": 0", "norm_num_groups: 0", "allowed: 1 to")]
    [InlineData("\"norm_num_groups\": 4", "\"norm_num_groups\": -4", "norm_num_groups: -4", "allowed: 1 to")]
    [InlineData("\"scaling_factor\": 0.5", "\"scaling_factor\": 0", "scaling_factor is 0", "above 0")]
    [InlineData("\"scaling_factor\": 0.5", "\"scaling_factor\": 1e999", "scaling_factor", "a number")]
    [InlineData("\"sample_size\": 64", "\"sample_size\": 0", "sample_size: 0", "allowed: 8 to")]
    [InlineData("\"sample_size\": 64", "\"sample_size\": \"large\"", "sample_size", "a whole number")]
    [InlineData("\"use_quant_conv\": false", "\"use_quant_conv\": true", "use_quant_conv = true", "no such convolution")]
    [InlineData("[7, 8, 9]]", "[7, 8, 9], [1, 1, 1]]", "latent_rgb_factors", "5 rows")]
    [InlineData("[7, 8, 9]]", "[7, 8]]", "latent_rgb_factors", "as many numbers")]
    [InlineData("[0.1, 0.2, 0.3]", "[0.1, 0.2]", "latent_rgb_factors_bias", "3 numbers")]
    [InlineData("[0.1, 0.2, 0.3]", "[0.1, 0.2, 1e999]", "latent_rgb_factors_bias", "a list of numbers")]
    public void A_file_that_contradicts_the_tensors_or_itself_is_refused(string right, string wrong, string first, string second)
    {
        var error = Assert.Throws<InvalidDataException>(() => Read(FullConfig.Replace(right, wrong, StringComparison.Ordinal)));

        Assert.Contains(first, error.Message, StringComparison.Ordinal);
        Assert.Contains(second, error.Message, StringComparison.Ordinal);
    }

    public AutoEncoderConfigTests() => Write([8, 8, 16], groups: 4);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private AutoEncoderConfig Read(string? json)
    {
        if (json is not null)
            File.WriteAllText(Path.Combine(_folder, "config.json"), json);
        using var checkpoint = Checkpoint.Open(_folder, ModelComponent.Vae);
        return AutoEncoderConfig.Read(checkpoint);
    }

    private void Write(long[] channels, long groups, long latentChannels = 5)
    {
        using var network = new AutoEncoder(new AutoEncoderConfig
        {
            LevelChannels = channels,
            BlocksPerLevel = 2,
            LatentChannels = latentChannels,
            NormGroups = groups,
            ScalingFactor = 1,
            ShiftFactor = 0,
            SampleSize = 64,
        });
        SafetensorsWriter.Write(Path.Combine(_folder, "diffusion_pytorch_model.safetensors"),
            network.named_parameters().Select(parameter => TensorContent.Of(parameter.name, parameter.parameter)));
    }
}
