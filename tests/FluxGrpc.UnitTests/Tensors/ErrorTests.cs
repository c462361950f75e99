using FluxGrpc.Tensors;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Tensors;

public sealed class ErrorTests
{
    [Fact]
    public void Violations_name_every_field_in_text_and_details()
    {
        var violations = new Violations()
            .CheckRange("steps", 0, 1, 200)
            .CheckRange("guidance", double.NaN, 0, 100)
            .CheckRange("count", 1, 1, 16);

        var exception = Assert.Throws<RpcException>(violations.ThrowIfAny);

        Assert.Equal(StatusCode.InvalidArgument, exception.StatusCode);
        Assert.Equal("steps is 0; allowed: 1 to 200; guidance is NaN; allowed: 0 to 100", exception.Status.Detail);
        var details = exception.GetRpcStatus()!.GetDetail<BadRequest>();
        Assert.Equal(["steps", "guidance"], details.FieldViolations.Select(violation => violation.Field));
    }

    [Fact]
    public void No_violation_throws_nothing() => new Violations().CheckRange("steps", 28, 1, 200).ThrowIfAny();

    [Fact]
    public void A_full_server_says_when_to_come_back()
    {
        var status = RpcErrors.ResourceExhausted("TOO_MANY_SESSIONS", "full", TimeSpan.FromSeconds(2)).GetRpcStatus()!;

        Assert.Equal((int)StatusCode.ResourceExhausted, status.Code);
        Assert.Equal("TOO_MANY_SESSIONS", status.GetDetail<ErrorInfo>().Reason);
        Assert.Equal(TimeSpan.FromSeconds(2), status.GetDetail<RetryInfo>().RetryDelay.ToTimeSpan());
    }

    [Fact]
    public void What_does_not_fit_is_named()
    {
        var status = RpcErrors.FailedPrecondition("FINGERPRINT_MISMATCH", "expected_fingerprint", "another model").GetRpcStatus()!;

        Assert.Equal((int)StatusCode.FailedPrecondition, status.Code);
        Assert.Equal("expected_fingerprint", Assert.Single(status.GetDetail<PreconditionFailure>().Violations).Subject);
    }
}
