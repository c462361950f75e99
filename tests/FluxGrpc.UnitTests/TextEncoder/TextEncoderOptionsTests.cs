using System.ComponentModel.DataAnnotations;
using FluxGrpc.Hosting;
using FluxGrpc.TextEncoder;
using Xunit;

namespace FluxGrpc.UnitTests.TextEncoder;

public sealed class TextEncoderOptionsTests
{
    private static readonly OptionsReader<TextEncoderOptions> _reader = new(TextEncoderServer.Name);

    [Theory]
    [InlineData("--checkpoint x")]
    [InlineData("--checkpoint x --t5-checkpoint y")]
    [InlineData("--t5-checkpoint x --clip-checkpoint y")]
    public void Weights_come_from_one_place_or_from_two(string arguments) => _reader.Read(arguments.Split(' '), _ => null);

    [Theory]
    [InlineData("--max-requests 3", "Checkpoint is missing")]
    [InlineData("--clip-checkpoint x", "Checkpoint is missing")]
    [InlineData("--t5-checkpoint x", "Checkpoint is missing")]
    [InlineData("--checkpoint x --max-prompt-length 0", "MaxPromptLength")]
    [InlineData("--checkpoint x --max-requests 0", "MaxRequests")]
    public void Bad_options_are_named(string arguments, string message)
    {
        var exception = Assert.Throws<ValidationException>(() => _reader.Read(arguments.Split(' '), _ => null));

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }
}
