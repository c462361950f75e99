using FluxGrpc.Testing;
using FluxGrpc.Vae;
using TorchSharp;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Vae;

/// <summary>vae_io.safetensors and the end of trajectory.safetensors; the GroupNorm epsilon cannot be told apart with them.</summary>
public sealed class AutoEncoderGoldenTests : IDisposable
{
    // MANIFEST recommends 2e-5, 4e-5, 2e-5 and 1e-4; these are about three times what is reached here.
    private const double DecodedBound = 5e-6;
    private const double MomentsBound = 1e-5;
    private const double EncodedBound = 5e-6;
    private const double TrajectoryBound = 5e-6;

    private readonly ITestOutputHelper _output;
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly GoldenFile _io = GoldenFolder.Open("vae_io.safetensors");
    private readonly GoldenFile _trajectory = GoldenFolder.Open("trajectory.safetensors");

    public AutoEncoderGoldenTests(ITestOutputHelper output) => _output = output;

    [Fact]
    public void Decoded_matches_the_reference()
    {
        using var network = LoadedAutoEncoder.Open();

        AssertWithin(DecodedBound, network.Decode(_io["z"]), _io["decoded"]);
    }

    [Fact]
    public void Moments_match_the_reference()
    {
        using var network = LoadedAutoEncoder.Open();

        var moments = network.EncodeMoments(_io["image"]);
        var parts = moments.chunk(2, dim: 1);

        AssertWithin(MomentsBound, moments, _io["moments"]);
        AssertWithin(MomentsBound, parts[0], _io["mean"]);
        AssertWithin(MomentsBound, parts[1], _io["logvar"]);
    }

    [Fact]
    public void Encoded_matches_the_reference()
    {
        using var network = LoadedAutoEncoder.Open();

        AssertWithin(EncodedBound, network.Encode(_io["image"]), _io["encoded"]);
    }

    [Fact]
    public void The_trajectory_ends_in_the_reference_picture()
    {
        using var network = LoadedAutoEncoder.Open();

        var latents = LatentPacking.Unpack(_trajectory["final_packed"], rows: 6, columns: 10);
        var decoded = network.Decode(latents);
        var bytes = PixelConversion.ToBytes(decoded);

        AssertWithin(0, latents, _trajectory["final_latents"]);
        AssertWithin(TrajectoryBound, decoded, _trajectory["decoded"]);
        AssertWithin(TrajectoryBound, decoded.clamp(-1, 1), _trajectory["image"]);
        AssertWithin(1, bytes, _trajectory["rgb_u8"]);
        // The reference adds before it multiplies, and its picture is not ours to the last bit: few levels differ, by one.
        var different = bytes.ne(_trajectory["rgb_u8"]).to(ScalarType.Float64).mean().item<double>();
        _output.WriteLine($"share of levels that differ: {different:e1}");
        Assert.True(different < 1e-3, $"{different} of the levels differ");
    }

    [Fact]
    public void Rounded_levels_would_miss()
    {
        var rounded = ((_trajectory["image"] / 2) + 0.5).mul(255).round().to(ScalarType.Byte)[0].permute(1, 2, 0);

        Assert.True(rounded.ne(_trajectory["rgb_u8"]).to(ScalarType.Float64).mean().item<double>() > 0.4);
    }

    [Fact]
    public void Decoding_without_scale_and_shift_would_miss()
    {
        using var network = LoadedAutoEncoder.Open(config => config with { ScalingFactor = 1, ShiftFactor = 0 });

        AssertMisses(DecodedBound, network.Decode(_io["z"]), _io["decoded"]);
        AssertMisses(EncodedBound, network.Encode(_io["image"]), _io["encoded"]);
    }

    [Fact]
    public void Padding_left_and_above_would_miss()
    {
        using var network = LoadedAutoEncoder.Open();
        foreach (var downsample in network.Parts(".downsample"))
            downsample.Replace(x => Convolve(downsample, nn.functional.pad(x, (1, 0, 1, 0)), stride: 2, padding: 0));

        AssertMisses(MomentsBound, network.EncodeMoments(_io["image"]), _io["moments"]);
        AssertMisses(EncodedBound, network.Encode(_io["image"]), _io["encoded"]);
    }

    [Fact]
    public void Skipping_the_attention_would_miss()
    {
        using var network = LoadedAutoEncoder.Open();
        foreach (var attention in network.Parts(".mid.attn_1"))
            attention.Replace(x => x.alias());

        AssertMisses(DecodedBound, network.Decode(_io["z"]), _io["decoded"]);
        AssertMisses(MomentsBound, network.EncodeMoments(_io["image"]), _io["moments"]);
    }

    [Fact]
    public void Bilinear_upsampling_would_miss()
    {
        using var network = LoadedAutoEncoder.Open();
        foreach (var upsample in network.Parts(".upsample"))
        {
            upsample.Replace(x => Convolve(upsample, stride: 1, padding: 1, x: nn.functional.interpolate(
                x, scale_factor: [2, 2], mode: InterpolationMode.Bilinear, align_corners: false)));
        }

        AssertMisses(DecodedBound, network.Decode(_io["z"]), _io["decoded"]);
    }

    /// <summary>The hooks of the twins must not be what makes them miss.</summary>
    [Fact]
    public void The_same_hooks_with_the_right_layers_match()
    {
        using var network = LoadedAutoEncoder.Open();
        foreach (var downsample in network.Parts(".downsample"))
            downsample.Replace(x => Convolve(downsample, nn.functional.pad(x, (0, 1, 0, 1)), stride: 2, padding: 0));
        foreach (var upsample in network.Parts(".upsample"))
        {
            upsample.Replace(x => Convolve(upsample, stride: 1, padding: 1, x: nn.functional.interpolate(
                x, scale_factor: [2, 2], mode: InterpolationMode.Nearest)));
        }

        AssertWithin(DecodedBound, network.Decode(_io["z"]), _io["decoded"]);
        AssertWithin(MomentsBound, network.EncodeMoments(_io["image"]), _io["moments"]);
    }

    public void Dispose()
    {
        _io.Dispose();
        _trajectory.Dispose();
        _scope.Dispose();
    }

    private static Tensor Convolve(nn.Module layer, Tensor x, long stride, long padding)
    {
        var parameters = layer.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter);
        return nn.functional.conv2d(x, parameters["conv.weight"], parameters["conv.bias"], [stride, stride], [padding, padding]);
    }

    private void AssertWithin(double bound, Tensor actual, Tensor expected)
    {
        var difference = Difference.MaxAbs(actual, expected);
        _output.WriteLine($"max abs {difference:e2}, bound {bound:e1}");
        Assert.True(difference <= bound, $"max abs {difference}, bound {bound}");
    }

    private void AssertMisses(double bound, Tensor actual, Tensor expected)
    {
        var difference = Difference.MaxAbs(actual, expected);
        _output.WriteLine($"max abs {difference:e2}, must be over {bound:e1}");
        Assert.True(difference > bound && double.IsFinite(difference), $"max abs {difference}, must be over {bound}");
    }
}
