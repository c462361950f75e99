using System.CommandLine;
using FluxGrpc.Channels;
using FluxGrpc.Cli.Generation;
using Xunit;

namespace FluxGrpc.UnitTests.Cli;

public sealed class FollowUpsTests
{
    private static readonly ServiceAddress _server = ServiceAddress.Parse("http://host:5000");

    [Fact]
    public void The_command_that_finds_a_request_again_is_the_one_that_sent_it_with_its_name()
    {
        var followUps = Of("a cat's  \"hat\"", "--steps", "4");

        Assert.Equal("""flux 'a cat'\''s  "hat"' --steps 4 --request-id abc""", followUps.GetIt);
        Assert.Equal("flux cancel abc --server http://host:5000", followUps.CancelIt);
    }

    [Fact]
    public void A_name_that_was_given_is_not_given_twice() =>
        Assert.Equal("flux x --request-id abc", Of("x", "--request-id", "abc").GetIt);

    private static FollowUps Of(params string[] arguments)
    {
        var requestId = new Option<string?>("--request-id");
        var command = new RootCommand { new Argument<string>("prompt"), new Option<int>("--steps"), requestId };
        return FollowUps.Of(command.Parse(arguments), requestId, "abc", _server);
    }
}
