using FluxGrpc.Cli.Verification;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.UnitTests.Cli;

public sealed class VerificationReportTests
{
    private readonly StringWriter _output = new();
    private readonly VerificationReport _report;

    public VerificationReportTests() => _report = new VerificationReport(_output);

    [Fact]
    public void A_line_has_name_difference_tolerance_and_verdict()
    {
        _report.Compare("vae.decoded", Row(1, 2), Row(1, 2.5f), tolerance: 0.5f);

        Assert.Equal(["vae.decoded", "5.0e-01", "5.0e-01", "ok"], Words());
        Assert.Equal((1, 0), (_report.Compared, _report.Failures));
    }

    [Fact]
    public void A_difference_over_the_tolerance_fails()
    {
        _report.Compare("vae.decoded", Row(1, 2), Row(1, 2.5f), tolerance: 0.49f);

        Assert.Equal("FAIL", Words()[3]);
        Assert.Equal(1, _report.Failures);
    }

    [Theory]
    [InlineData(float.NaN, 1)]
    [InlineData(1, float.NaN)]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    public void Nan_fails(float actual, float expected)
    {
        _report.Compare("t5.last_hidden_state", Row(actual, 0), Row(expected, 0), tolerance: float.MaxValue);

        Assert.Equal(["t5.last_hidden_state", "NaN", "3.4e+38", "FAIL"], Words());
    }

    [Fact]
    public void A_wrong_shape_fails_and_is_named()
    {
        _report.Compare("clip.pooler_output", Row(1, 2), new FloatArray([2, 1], [1, 2]), tolerance: 1);

        Assert.Contains("FAIL (shape [1, 2], not [2, 1])", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Skipping_is_neither_agreement_nor_failure()
    {
        _report.Skip("vae", "vae.safetensors is not there");

        Assert.Equal((0, 0), (_report.Compared, _report.Failures));
        Assert.Contains("skipped (vae.safetensors is not there)", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_that_differ_are_counted_and_the_first_prompt_is_shown()
    {
        var comparison = new TokenComparison("tokenizers.clip");
        comparison.Add(new TokenizedReference("a cat", [1, 2], 2, false), [1, 2], new TokenUsage { TokenCount = 2 });
        comparison.Add(new TokenizedReference("a dog", [1, 7], 2, false), [1, 3], new TokenUsage { TokenCount = 2 });
        comparison.Add(new TokenizedReference("a bird", [1, 2], 2, false), [1, 2], new TokenUsage { TokenCount = 2, Truncated = true });

        comparison.WriteTo(_report);

        Assert.Equal((2, 2), (_report.Compared, _report.Failures));
        Assert.Contains("FAIL (1 of 3 prompts differ, the first is 'a dog')", _output.ToString(), StringComparison.Ordinal);
        Assert.Contains("FAIL (1 of 3 prompts differ, the first is 'a bird')", _output.ToString(), StringComparison.Ordinal);
    }

    private static FloatArray Row(params float[] values) => new([1, values.Length], values);

    private string[] Words() => _output.ToString().Split((char[])[' ', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
}
