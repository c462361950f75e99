using System.ComponentModel.DataAnnotations;
using FluxGrpc.Denoiser;
using FluxGrpc.Hosting;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Hosting;

public sealed class SettingsFileTests : IDisposable
{
    private static readonly OptionsReader<DenoiserOptions> _reader = new("denoiser");
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Environment_and_command_line_win_over_the_file_and_that_over_the_default()
    {
        var file = Write("""
            {
              // One file may have all services.
              "Orchestrator": { "MaxSteps": 10 },
              "Denoiser": { "checkpoint": "/models", "MaxSessions": 3, "MaxSteps": 30, "BatchInvariant": true, "IdleSeconds": 9 }
            }
            """);

        var options = _reader.Read(["--settings", file, "--max-steps", "31"],
            name => name == "FLUX_DENOISER_IDLE_SECONDS" ? "10" : null);

        Assert.Equal(("/models", 3, 31, true), (options.Checkpoint, options.MaxSessions, options.MaxSteps, options.BatchInvariant));
        Assert.Equal((10, 512), (options.IdleSeconds, options.MaxTextTokens));
    }

    [Fact]
    public void The_environment_may_name_the_file() => Assert.Equal(3, _reader.Read([],
        name => name == "FLUX_DENOISER_SETTINGS" ? Write("""{"Denoiser": {"Checkpoint": "x", "MaxSessions": 3}}""") : null).MaxSessions);

    [Theory]
    [InlineData("""{"Denoiser": {"MaxSesions": 3}}""", "Denoiser:MaxSesions is unknown; allowed: Address,")]
    [InlineData("""{"Denoiser": {"MaxSessions": "four"}}""", "Denoiser:MaxSessions is 'four', which is not a Int32")]
    [InlineData("""{"Denoiser": {"MaxSessions": {"a": 1}}}""", "Denoiser:MaxSessions is not a plain value")]
    [InlineData("""{"Denoiser": {"MaxSessions": 0}}""", "MaxSessions")]
    [InlineData("""{"Denoiser": {"Settings": "more.json"}}""", "Denoiser:Settings is unknown")]
    [InlineData("""{"Denoiser": """, "is not a settings file")]
    public void What_is_wrong_in_a_file_is_named(string json, string message)
    {
        var file = Write(json);

        var exception = Assert.Throws<ValidationException>(() => _reader.Read(["--settings", file, "--checkpoint", "x"], _ => null));

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_was_named_must_be_there() => Assert.Contains("'/nowhere.json' is not there", Assert.Throws<ValidationException>(
        () => _reader.Read(["--settings", "/nowhere.json", "--checkpoint", "x"], _ => null)).Message, StringComparison.Ordinal);

    private string Write(string json)
    {
        var file = _folder.PathOf("settings.json");
        File.WriteAllText(file, json);
        return file;
    }
}
