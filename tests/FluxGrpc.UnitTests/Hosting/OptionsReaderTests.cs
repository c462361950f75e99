using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FluxGrpc.Hosting;
using Xunit;

namespace FluxGrpc.UnitTests.Hosting;

public sealed class OptionsReaderTests
{
    private static readonly OptionsReader<SampleOptions> _reader = new("sample-service");

    [Fact]
    public void The_command_line_wins_over_the_environment_and_both_over_the_default()
    {
        var environment = new Dictionary<string, string>
        {
            ["FLUX_SAMPLE_SERVICE_MAX_SESSIONS"] = "7",
            ["FLUX_SAMPLE_SERVICE_DEVICE"] = "cuda:1",
        };

        var options = _reader.Read(["--checkpoint", "/models/flux", "--device=cuda:3"], environment.GetValueOrDefault);

        Assert.Equal(7, options.MaxSessions);
        Assert.Equal("cuda:3", options.Device);
        Assert.Equal("auto", options.Dtype);
        Assert.Equal("http://127.0.0.1:1", options.Address);
    }

    [Theory]
    [InlineData("--max-session 4", "'--max-session' is unknown; allowed: --address,")]
    [InlineData("--max-sessions", "--max-sessions needs a value")]
    [InlineData("--max-sessions four", "--max-sessions is 'four', which is not a Int32")]
    [InlineData("--max-sessions 0", "MaxSessions")]
    [InlineData("--device tpu", "Device")]
    [InlineData("--dtype int8", "Dtype must be auto, float32 or bfloat16")]
    [InlineData("--address somewhere:over:the", "Address 'somewhere:over:the' is not an address")]
    [InlineData("--metrics-address https://127.0.0.1:9464", "MetricsAddress 'https://127.0.0.1:9464' is not an address")]
    [InlineData("--otlp-endpoint 127.0.0.1:4317", "OtlpEndpoint '127.0.0.1:4317' is not an address")]
    [InlineData("--log-format xml", "--log-format is 'xml', which is not a LogFormat")]
    public void Bad_options_are_named(string arguments, string message)
    {
        string[] all = ["--checkpoint", "x", .. arguments.Split(' ')];

        var exception = Assert.Throws<ValidationException>(() => _reader.Read(all, _ => null));

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bad_variable_is_named()
    {
        var exception = Assert.Throws<ValidationException>(() => _reader.Read(
            ["--checkpoint", "x"], name => name == "FLUX_SAMPLE_SERVICE_MAX_SESSIONS" ? "many" : null));

        Assert.Contains("FLUX_SAMPLE_SERVICE_MAX_SESSIONS is 'many'", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, "http://standard:4317")]
    [InlineData("http://own:4317", "http://own:4317")]
    public void A_variable_of_a_common_standard_counts_where_the_own_one_is_not_set(string? own, string expected)
    {
        var options = _reader.Read(["--checkpoint", "x"], name => name switch
        {
            "FLUX_SAMPLE_SERVICE_OTLP_ENDPOINT" => own,
            "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://standard:4317",
            _ => null,
        });

        Assert.Equal(expected, options.OtlpEndpoint);
    }

    [Fact]
    public void Help_shows_every_option_with_its_variable_and_default()
    {
        var help = _reader.Help("A sample.");

        Assert.StartsWith("A sample.", help, StringComparison.Ordinal);
        foreach (var option in _reader.Describe())
        {
            Assert.Contains(option.Switch, help, StringComparison.Ordinal);
            Assert.Contains(option.Variable, help, StringComparison.Ordinal);
            Assert.NotEmpty(option.Description);
        }

        Assert.Contains("Sessions at once. Default: 4.", help, StringComparison.Ordinal);
    }

    private sealed class SampleOptions : ModelServiceOptions
    {
        public SampleOptions() => Address = "http://127.0.0.1:1";

        [Range(1, 64)]
        [Description("Sessions at once.")]
        public int MaxSessions { get; set; } = 4;
    }
}
