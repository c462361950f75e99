using FluxGrpc.Cli;
using FluxGrpc.Cli.Recording;
using FluxGrpc.Tensors;
using Xunit;

namespace FluxGrpc.UnitTests.Cli;

public sealed class StepDifferenceTests
{
    [Fact]
    public void Equal_bits_are_within_every_tolerance()
    {
        var difference = Between([1, 2], [1, 2]);

        Assert.True(difference.IsBitEqual);
        Assert.True(difference.IsWithin(0));
    }

    [Fact]
    public void The_two_zeros_are_equal_numbers_but_not_equal_bits()
    {
        var difference = Between([0f], [-0f]);

        Assert.Equal(0, difference.MaxAbs);
        Assert.False(difference.IsWithin(0));
        Assert.True(difference.IsWithin(1e-30f));
    }

    [Fact]
    public void A_difference_is_within_a_tolerance_of_its_size()
    {
        var difference = Between([1, 2], [1, 2.5f]);

        Assert.Equal(0.5f, difference.MaxAbs);
        Assert.True(difference.IsWithin(0.5f));
        Assert.False(difference.IsWithin(0.4f));
    }

    [Fact]
    public void Nan_is_within_no_tolerance() => Assert.False(Between([1, 2], [1, float.NaN]).IsWithin(float.MaxValue));

    [Fact]
    public void Another_shape_is_within_no_tolerance() =>
        Assert.False(StepDifference.Between(TensorMessage.FromFloats([1, 2], 1, 2), TensorMessage.FromFloats([1, 2], 2, 1)).IsWithin(1));

    [Fact]
    public void Numbers_of_different_counts_cannot_be_compared() => Assert.Throws<ArgumentException>(() => Differences.MaxAbs([1], [1, 2]));

    private static StepDifference Between(float[] recorded, float[] replayed) =>
        StepDifference.Between(TensorMessage.FromFloats(recorded, recorded.Length), TensorMessage.FromFloats(replayed, replayed.Length));
}
