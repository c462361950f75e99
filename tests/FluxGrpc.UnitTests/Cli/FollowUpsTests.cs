using System.CommandLine;
using FluxGrpc.Cli.Commands;
using FluxGrpc.Cli.Generation;
using Xunit;

namespace FluxGrpc.UnitTests.Cli;

public sealed class FollowUpsTests
{
    [Fact]
    public void The_command_that_finds_a_request_again_is_the_one_that_sent_it_with_its_name()
    {
        var followUps = Of("a cat's  \"hat\"", "--steps", "4");

        Assert.Equal("""flux 'a cat'\''s  "hat"' --steps 4 --server http://host:5000 --request-id abc""", followUps.GetIt);
        Assert.Equal("flux cancel abc --server http://host:5000", followUps.CancelIt);
    }

    [Fact]
    public void A_name_that_was_given_is_not_given_twice() =>
        Assert.Equal("flux x --request-id abc --server http://host:5000", Of("x", "--request-id", "abc").GetIt);

    [Theory]
    [InlineData("--api-key", "flux_secret")]
    [InlineData("--api-key=flux_secret")]
    public void A_key_on_the_command_line_is_not_shown_again_and_files_are(params string[] key)
    {
        var followUps = Of(["x", .. key, "--ca", "/etc/ca.crt"]);

        Assert.Equal("flux x --ca /etc/ca.crt --server http://host:5000 --request-id abc", followUps.GetIt);
        Assert.Equal("flux cancel abc --server http://host:5000 --ca /etc/ca.crt", followUps.CancelIt);
    }

    private static FollowUps Of(params string[] arguments)
    {
        var requestId = new Option<string?>("--request-id");
        var server = new ServerOptions("Server:");
        var command = new RootCommand { new Argument<string>("prompt"), new Option<int>("--steps"), requestId };
        server.AddTo(command);
        return FollowUps.Of(command.Parse([.. arguments, "--server", "http://host:5000"]), requestId, "abc", server);
    }
}
