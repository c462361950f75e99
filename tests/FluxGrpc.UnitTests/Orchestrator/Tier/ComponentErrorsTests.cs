using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using Google.Rpc;
using Grpc.Core;
using Xunit;
using Status = Grpc.Core.Status;

namespace FluxGrpc.UnitTests.Orchestrator.Tier;

public sealed class ComponentErrorsTests
{
    private static readonly TimeSpan _delay = TimeSpan.FromSeconds(7);

    [Fact]
    public void What_may_succeed_later_passes_through_with_its_details()
    {
        foreach (var failure in new[]
        {
            RpcErrors.Unavailable("MODEL_LOADING", "The weights are still loading", _delay),
            RpcErrors.ResourceExhausted("TOO_MANY_SESSIONS", "The weights are still loading", _delay),
        })
        {
            var translated = ComponentErrors.Translate("denoiser", failure);

            Assert.Equal(failure.StatusCode, translated.StatusCode);
            Assert.Equal("denoiser: The weights are still loading", translated.Status.Detail);
            Assert.Equal(_delay, ComponentErrors.RetryDelay(translated));
            var info = translated.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
            Assert.Equal(failure.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason, info.Reason);
            Assert.Equal("denoiser", info.Metadata["component"]);
            Assert.True(ComponentErrors.IsTransient(failure));
        }
    }

    [Theory]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.Cancelled)]
    public void A_broken_connection_is_unavailable_and_names_no_address(StatusCode code)
    {
        var cause = new HttpRequestException("Connection refused (10.0.0.7:5002)");

        var translated = ComponentErrors.Translate("vae", new RpcException(new Status(code, cause.Message, cause)));

        Assert.Equal(StatusCode.Unavailable, translated.StatusCode);
        Assert.Equal("vae is not reachable", translated.Status.Detail);
    }

    [Theory]
    [InlineData(StatusCode.InvalidArgument)]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.Unknown)]
    [InlineData(StatusCode.ResourceExhausted)] // Without details: a message over the service's limit.
    [InlineData(StatusCode.NotFound)]
    public void A_bug_of_ours_or_theirs_is_internal_and_not_tried_again(StatusCode code)
    {
        var failure = new RpcException(new Status(code, "hidden_states has shape [1, 2]"));

        var translated = ComponentErrors.Translate("denoiser", failure);

        Assert.Equal(StatusCode.Internal, translated.StatusCode);
        Assert.Equal("denoiser failed; the server's log has the details", translated.Status.Detail);
        Assert.False(ComponentErrors.IsTransient(failure));
    }

    [Fact]
    public void Another_service_at_the_address_is_a_failed_precondition()
    {
        var failure = new RpcException(new Status(StatusCode.Unimplemented, "Service is unimplemented."));

        var translated = ComponentErrors.Translate("vae", failure);

        Assert.Equal(StatusCode.FailedPrecondition, translated.StatusCode);
        Assert.StartsWith("vae is another service", translated.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_deadline_stays_a_deadline() => Assert.Equal(StatusCode.DeadlineExceeded,
        ComponentErrors.Translate("vae", new RpcException(new Status(StatusCode.DeadlineExceeded, ""))).StatusCode);
}
