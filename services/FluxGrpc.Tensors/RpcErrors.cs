using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using GrpcStatusProto = Google.Rpc.Status;

namespace FluxGrpc.Tensors;

/// <summary>The other statuses of the contracts, with their google.rpc details. See also <see cref="Violations"/>.</summary>
public static class RpcErrors
{
    /// <summary>Domain of every ErrorInfo.</summary>
    public const string Domain = "flux.v1";

    /// <summary>UNAVAILABLE: not now, try again after the delay.</summary>
    public static RpcException Unavailable(string reason, string message, TimeSpan retryAfter) =>
        Retryable(Code.Unavailable, reason, message, retryAfter);

    /// <summary>RESOURCE_EXHAUSTED: full, try again after the delay.</summary>
    public static RpcException ResourceExhausted(string reason, string message, TimeSpan retryAfter) =>
        Retryable(Code.ResourceExhausted, reason, message, retryAfter);

    /// <summary>FAILED_PRECONDITION: the request is well formed but does not fit what runs here.</summary>
    /// <param name="reason">Stable UPPER_SNAKE name for code to branch on.</param>
    /// <param name="subject">What does not fit: "expected_fingerprint".</param>
    /// <param name="message">For people.</param>
    public static RpcException FailedPrecondition(string reason, string subject, string message)
    {
        var failure = new PreconditionFailure();
        failure.Violations.Add(new PreconditionFailure.Types.Violation { Type = reason, Subject = subject, Description = message });
        return Create(Code.FailedPrecondition, reason, message, failure);
    }

    /// <summary>DEADLINE_EXCEEDED: the server's own limit of time has passed.</summary>
    public static RpcException DeadlineExceeded(string reason, string message) => Create(Code.DeadlineExceeded, reason, message);

    /// <summary>ALREADY_EXISTS: the name is taken.</summary>
    public static RpcException AlreadyExists(string reason, string message) => Create(Code.AlreadyExists, reason, message);

    /// <summary>NOT_FOUND: nothing has that name.</summary>
    public static RpcException NotFound(string reason, string message) => Create(Code.NotFound, reason, message);

    /// <summary>CANCELLED: somebody asked for it by another call.</summary>
    public static RpcException Cancelled(string reason, string message) => Create(Code.Cancelled, reason, message);

    /// <summary>PERMISSION_DENIED: the caller is known, and may not do this.</summary>
    public static RpcException PermissionDenied(string reason, string message) => Create(Code.PermissionDenied, reason, message);

    /// <summary>UNAUTHENTICATED: the caller has not shown who it is.</summary>
    public static RpcException Unauthenticated(string reason, string message) => Create(Code.Unauthenticated, reason, message);

    private static RpcException Retryable(Code code, string reason, string message, TimeSpan retryAfter) =>
        Create(code, reason, message, new RetryInfo { RetryDelay = retryAfter.ToDuration() });

    private static RpcException Create(Code code, string reason, string message, Google.Protobuf.IMessage? detail = null)
    {
        var status = new GrpcStatusProto
        {
            Code = (int)code,
            Message = message,
            Details = { Any.Pack(new ErrorInfo { Reason = reason, Domain = Domain }) },
        };
        if (detail is not null)
            status.Details.Add(Any.Pack(detail));
        return status.ToRpcException();
    }
}
