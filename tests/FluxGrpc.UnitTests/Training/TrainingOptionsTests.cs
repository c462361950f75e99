using FluxGrpc.Training;
using Xunit;

namespace FluxGrpc.UnitTests.Training;

public sealed class TrainingOptionsTests
{
    private readonly TrainingOptions _options = TrainingOptions.Open("cpu") with
    {
        TotalMinutes = 150,
        AutoEncoderMinutes = 12,
        GuidanceMinutes = 11,
    };

    [Fact]
    public void What_can_be_followed_is_no_problem()
    {
        Assert.Null(_options.Problem);
        Assert.Null((_options with { StartFolder = "checkpoint", ReadsAnew = true, AutoEncoderMinutes = 0 }).Problem);
        Assert.Null((_options with { TotalMinutes = 12, AutoEncoderMinutes = 12, GuidanceMinutes = 0 }).Problem); // The decoder alone.
    }

    [Fact]
    public void What_has_no_effect_is_refused() =>
        Assert.StartsWith("--read-anew is for --from", (_options with { ReadsAnew = true }).Problem, StringComparison.Ordinal);

    [Theory]
    [InlineData(0, 0, 0, "--minutes is 0;")]
    [InlineData(double.NaN, 0, 0, "--minutes is NaN;")]
    [InlineData(10, -1, 0, "--autoencoder-minutes is -1;")]
    [InlineData(10, 0, -0.5, "--guidance-minutes is -0.5;")]
    [InlineData(10, 6, 5, "--autoencoder-minutes and --guidance-minutes, 6 and 5, are more than --minutes, 10")]
    public void Minutes_that_do_not_add_up_are_named(double total, double autoEncoder, double guidance, string problem) =>
        Assert.StartsWith(problem, (_options with
        {
            TotalMinutes = total,
            AutoEncoderMinutes = autoEncoder,
            GuidanceMinutes = guidance,
        }).Problem, StringComparison.Ordinal);
}
