using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser.Batching;

public sealed class BatchConditioningsTests
{
    private const int TensorsOfOne = 4;

    [Fact]
    public void A_batch_of_the_same_sessions_is_put_together_once()
    {
        using var conditionings = new BatchConditionings();
        using Conditioning one = Create(1), other = Create(2);

        var joined = conditionings.Join([one, other]);

        Assert.Equal([2, 3, 5], joined.Text.shape);
        Assert.Equal([1f, 2f], joined.Guidance!.flatten().data<float>().ToArray());
        Assert.Equal([1f, 2f], joined.Pooled.flatten().data<float>().ToArray());
        Assert.Equal([1, 1, 4, 3], joined.Rope.shape);
        Assert.Same(joined, conditionings.Join([one, other]));
        Assert.Same(one, conditionings.Join([one]));
        Assert.NotSame(joined, conditionings.Join([other, one]));
    }

    [Fact]
    public void No_session_is_part_of_two_batches_that_are_kept()
    {
        using var conditionings = new BatchConditionings();
        using Conditioning one = Create(1), two = Create(2), three = Create(3), four = Create(4);
        var before = LiveTensors.CountSettled();

        conditionings.Join([one, two]);
        conditionings.Join([three, four]);
        Assert.Equal(before + 2 * TensorsOfOne, Tensor.TotalCount);

        conditionings.Join([two, three]);
        Assert.Equal(before + TensorsOfOne, Tensor.TotalCount);
    }

    [Fact]
    public void Nothing_is_kept_of_a_session_that_ends()
    {
        using var conditionings = new BatchConditionings();
        using Conditioning one = Create(1), other = Create(2);
        var before = LiveTensors.CountSettled();
        conditionings.Join([one, other]);

        conditionings.Forget(other);
        conditionings.Forget(other);

        Assert.Equal(before, Tensor.TotalCount);
    }

    private static Conditioning Create(float value) => new(
        full([1, 3, 5], value), full([1, 1], value), full([1, 1], value), zeros(1, 1, 4, 3));
}
