using FluxGrpc.Orchestrator.Web;
using FluxGrpc.Tensors;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Web;

public sealed class WebErrorTests
{
    [Theory]
    [InlineData(StatusCode.InvalidArgument, 400, "invalid_request_error")]
    [InlineData(StatusCode.Unauthenticated, 401, "invalid_request_error")]
    [InlineData(StatusCode.PermissionDenied, 403, "permission_error")]
    [InlineData(StatusCode.NotFound, 404, "invalid_request_error")]
    [InlineData(StatusCode.AlreadyExists, 409, "invalid_request_error")]
    [InlineData(StatusCode.ResourceExhausted, 429, "rate_limit_error")]
    [InlineData(StatusCode.Cancelled, 499, "invalid_request_error")]
    [InlineData(StatusCode.Internal, 500, "server_error")]
    [InlineData(StatusCode.FailedPrecondition, 500, "server_error")]
    [InlineData(StatusCode.Unavailable, 503, "server_error")]
    [InlineData(StatusCode.DeadlineExceeded, 504, "server_error")]
    public void Every_status_has_its_http_status_and_type(StatusCode code, int status, string type)
    {
        var error = WebError.Of(new RpcException(new Status(code, "what happened")), null);

        Assert.Equal((status, type, "what happened"), (error.Status, error.Type, error.Message));
        Assert.Null(error.Param);
    }

    [Fact]
    public void A_failure_keeps_its_reason_and_its_delay_in_whole_seconds()
    {
        var error = WebError.Of(RpcErrors.ResourceExhausted("QUEUE_FULL", "full", TimeSpan.FromSeconds(1.2)), null);

        Assert.Equal(("queue_full", 2), (error.Code, error.RetryAfterSeconds));
    }
}
