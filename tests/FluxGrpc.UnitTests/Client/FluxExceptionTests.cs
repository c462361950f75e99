using FluxGrpc.Client;
using FluxGrpc.Tensors;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Client;

public sealed class FluxExceptionTests
{
    [Fact]
    public void Field_violations_are_decoded()
    {
        var thrown = new Violations().Add("width", "is 17; allowed: multiples of 16").Add("steps", "is 0; allowed: 1 to 200").ToException();

        var exception = FluxException.From(thrown, "http://localhost:1");

        Assert.Equal(StatusCode.InvalidArgument, exception.Status);
        Assert.Equal(
            [new FieldViolation("width", "is 17; allowed: multiples of 16"), new FieldViolation("steps", "is 0; allowed: 1 to 200")],
            exception.Violations);
        Assert.Equal("width is 17; allowed: multiples of 16; steps is 0; allowed: 1 to 200", exception.Message);
        Assert.Null(exception.RetryDelay);
        Assert.Same(thrown, exception.InnerException);
    }

    [Fact]
    public void Reason_and_retry_delay_are_decoded()
    {
        var thrown = RpcErrors.ResourceExhausted("TOO_MANY_GENERATIONS", "8 generations are running", TimeSpan.FromSeconds(1.5));

        var exception = FluxException.From(thrown, "http://localhost:1");

        Assert.Equal("TOO_MANY_GENERATIONS", exception.Reason);
        Assert.Equal(TimeSpan.FromSeconds(1.5), exception.RetryDelay);
        Assert.Equal("8 generations are running", exception.Message);
        Assert.Empty(exception.Violations);
    }

    [Fact]
    public void A_status_without_details_has_none()
    {
        var exception = FluxException.From(new RpcException(new Status(StatusCode.Internal, "Internal error")), "http://localhost:1");

        Assert.Equal(StatusCode.Internal, exception.Status);
        Assert.Empty(exception.Reason);
        Assert.Empty(exception.Violations);
        Assert.Null(exception.RetryDelay);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_named()
    {
        await using var client = FluxClient.Connect("unix:/nowhere/flux.sock");

        var exception = await Assert.ThrowsAsync<FluxException>(() => client.GetStatusAsync());

        Assert.Equal(StatusCode.Unavailable, exception.Status);
        Assert.StartsWith("No answer from unix:/nowhere/flux.sock: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_call_is_cancelled_not_failed()
    {
        await using var client = FluxClient.Connect("unix:/nowhere/flux.sock");
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetStatusAsync(cancellation.Token));
    }

    [Fact]
    public void An_address_that_is_none_is_refused() => Assert.Throws<FormatException>(() => FluxClient.Connect("ftp://somewhere"));
}
