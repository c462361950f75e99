using FluxGrpc.Cli;
using Xunit;

namespace FluxGrpc.UnitTests.Cli;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("generate", "Required argument missing: a prompt, or --from")]
    [InlineData("generate|a cat|--width|wide", "wide")]
    [InlineData("generate|a cat|--device|gpu", "--device is 'gpu'; allowed: cpu, cuda, cuda:N")]
    [InlineData("generate|a cat|--dtype|float64", "'float64' not recognized. Must be one of: 'auto' 'float32' 'bfloat16'")]
    [InlineData("generate|a cat|--server|ftp://x", "--server 'ftp://x' is not an address")]
    [InlineData("generate|a cat|--model|/nowhere", "/nowhere")]
    [InlineData("generate|a cat|--nonsense|1", "--nonsense")]
    [InlineData("paint", "paint")]
    [InlineData("schedule|--steps|0", "--steps is 0; allowed: 1 to 10000")]
    [InlineData("schedule|--width|1000", "--width is 1000; allowed: multiples of 16")]
    [InlineData("schedule|--height|0", "--height is 0; allowed: 16 to 16384")]
    [InlineData("cluster|--denoisers|0", "--denoisers is 0; allowed: 1 to 64")]
    [InlineData("cluster|--denoisers|many", "many")]
    [InlineData("cluster|--port|65536", "--port is 65536; allowed: 0 to 65535")]
    [InlineData("cluster|--device|cuda:0,", "--device is 'cuda:0,'")]
    [InlineData("cluster|scale", "Required argument 'denoisers' missing")]
    [InlineData("cluster|scale|0", "denoisers is 0; allowed: 1 to 64")]
    [InlineData("cluster|scale|65", "denoisers is 65; allowed: 1 to 64")]
    [InlineData("cluster|scale|many", "many")]
    [InlineData("cluster|status|--format|xml", "'xml' not recognized. Must be one of: 'table' 'json'")]
    [InlineData("replay|/nowhere.safetensors|--server|http://localhost:1", "/nowhere.safetensors")]
    [InlineData("generate|a cat|--server|http://localhost:1|--dtype|float32", "--dtype is for services that are started here")]
    [InlineData("generate|a cat|--detach", "--detach needs --server")]
    [InlineData("generate|a cat|--detach|--server|http://localhost:1|--record|x", "--detach and --record cannot go together")]
    [InlineData("generate|a cat|--priority|high", "Must be one of: 'interactive' 'batch'")]
    [InlineData("cancel|abc", "--server")]
    [InlineData("info|folder|--server|http://localhost:1", "cannot go together")]
    public async Task A_wrong_command_line_is_one_line_and_exit_code_2(string arguments, string expected)
    {
        var (exitCode, output, error) = await RunAsync(arguments.Split('|'));

        Assert.Equal(2, exitCode);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.StartsWith("flux: ", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.Empty(output);
    }

    [Fact]
    public async Task A_failure_is_one_line_and_exit_code_1()
    {
        var (exitCode, _, error) = await RunAsync("generate", "a cat", "--server", "unix:/nowhere/flux.sock");

        Assert.Equal(1, exitCode);
        Assert.StartsWith("flux: No answer from unix:/nowhere/flux.sock: ", error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("generate|--help")]
    [InlineData("verify|--help")]
    [InlineData("cluster|scale|--help")]
    public async Task Help_is_no_error(string arguments)
    {
        var (exitCode, output, _) = await RunAsync(arguments.Split('|'));

        Assert.Equal(0, exitCode);
        Assert.Contains("Usage:", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schedule_is_printed_as_numbers()
    {
        var (exitCode, output, _) = await RunAsync("schedule", "--steps", "4", "--width", "512", "--height", "512");

        Assert.Equal(0, exitCode);
        Assert.Contains("4 steps at 512 x 512: 1024 image tokens, shifted, mu 0.6300", output, StringComparison.Ordinal);
        Assert.Contains("   1  0.849235  -0.196745", output, StringComparison.Ordinal); // tests/golden/sampling.json
        Assert.Contains("   4  0.000000", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schedule_of_schnell_is_even()
    {
        var (_, output, _) = await RunAsync("schedule", "--schnell");

        Assert.Contains("4 steps at 1024 x 1024: 4096 image tokens, even", output, StringComparison.Ordinal);
        Assert.Contains("   3  0.250000  -0.250000", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schedule_is_drawn_as_a_png()
    {
        var folder = Directory.CreateTempSubdirectory("flux-test-");
        try
        {
            var file = Path.Combine(folder.FullName, "curve.png");

            var (exitCode, _, _) = await RunAsync("schedule", "--plot", file);

            Assert.Equal(0, exitCode);
            Assert.Equal("89504E470D0A1A0A", Convert.ToHexString(File.ReadAllBytes(file)[..8]));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var exitCode = await CommandLine.RunAsync(arguments, new Terminal(output, error, isInteractive: false));
        return (exitCode, output.ToString(), error.ToString());
    }
}
