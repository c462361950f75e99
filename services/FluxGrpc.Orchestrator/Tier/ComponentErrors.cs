using System.Net.Sockets;
using FluxGrpc.Tensors;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Polly.Timeout;
using GrpcStatusProto = Google.Rpc.Status;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// What a failure of a service behind the orchestrator means to the orchestrator's caller. Texts of the transport are not passed
/// on: they hold addresses.
/// </summary>
internal static class ComponentErrors
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    /// <summary>What the last failure of a piece of work means.</summary>
    /// <param name="component">The service: "denoiser".</param>
    /// <param name="failure">What ended the work.</param>
    /// <param name="before">The last failure of a replica, which tells more than that none was left.</param>
    public static RpcException Translate(string component, Exception failure, Exception? before) => failure switch
    {
        RpcException rpc when IsOtherModel(rpc) => RpcErrors.Unavailable(
            "MODEL_CHANGED", $"The {component} has another model than a moment ago; ask again", _retryDelay),
        RpcException rpc => Translate(component, rpc),
        NoReplicaException when before is RpcException rpc && (IsOtherModel(rpc) || IsFull(rpc)) => Translate(component, rpc, null),
        NoReplicaException { IsFull: true } => RpcErrors.ResourceExhausted("COMPONENT_FULL",
            $"{component} has more to do than fits before the deadline", _retryDelay),
        NoReplicaException => RpcErrors.Unavailable("COMPONENT_MISSING",
            $"{component} is not there, and did not come back in time: {failure.Message}", _retryDelay),
        TimeoutRejectedException => RpcErrors.Unavailable("COMPONENT_STALLED", $"{component} does not answer in time", _retryDelay),
        _ => RpcErrors.Unavailable("COMPONENT_UNREACHABLE", $"{component} keeps failing", _retryDelay),
    };

    /// <summary>
    /// UNAVAILABLE, RESOURCE_EXHAUSTED, FAILED_PRECONDITION and DEADLINE_EXCEEDED of the service pass through with their details;
    /// a service that is not reachable is UNAVAILABLE; all else is a bug of one of us and becomes INTERNAL.
    /// </summary>
    /// <param name="component">The service: "denoiser".</param>
    /// <param name="failure">What its call threw.</param>
    public static RpcException Translate(string component, RpcException failure)
    {
        if (IsTransport(failure))
            return RpcErrors.Unavailable("COMPONENT_UNREACHABLE", $"{component} is not reachable", _retryDelay);

        var status = failure.GetRpcStatus();
        return failure.StatusCode switch
        {
            StatusCode.Unavailable or StatusCode.ResourceExhausted or StatusCode.FailedPrecondition or StatusCode.DeadlineExceeded
                when status is not null => PassThrough(component, status),
            StatusCode.DeadlineExceeded =>
                Plain(StatusCode.DeadlineExceeded, $"{component}: the deadline has passed"),
            StatusCode.Unimplemented => RpcErrors.FailedPrecondition("WRONG_COMPONENT", component,
                $"{component} is another service or another version: it does not know the call"),
            _ => Plain(StatusCode.Internal, $"{component} failed; the server's log has the details"),
        };
    }

    /// <summary>True where the same call may well succeed a moment later.</summary>
    public static bool IsTransient(RpcException failure) =>
        IsTransport(failure)
        || failure.StatusCode == StatusCode.Unavailable
        || IsFull(failure);

    /// <summary>True where a denoiser has another model than the session was opened for.</summary>
    public static bool IsOtherModel(RpcException failure) => failure.StatusCode == StatusCode.FailedPrecondition
        && failure.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason == "FINGERPRINT_MISMATCH";

    /// <summary>The delay after which the failed call is worth trying again, where the status asks for it.</summary>
    public static TimeSpan? RetryDelay(RpcException failure) =>
        failure.GetRpcStatus()?.GetDetail<RetryInfo>()?.RetryDelay?.ToTimeSpan();

    private static RpcException Plain(StatusCode code, string message) => new(new Grpc.Core.Status(code, message));

    private static RpcException PassThrough(string component, GrpcStatusProto status)
    {
        var passed = new GrpcStatusProto { Code = status.Code, Message = $"{component}: {status.Message}" };
        foreach (var detail in status.Details)
        {
            if (detail.TryUnpack<ErrorInfo>(out var info))
            {
                info.Metadata["component"] = component;
                passed.Details.Add(Any.Pack(info));
            }
            else
            {
                passed.Details.Add(detail);
            }
        }

        return passed.ToRpcException();
    }

    /// <summary>True where no status came from the service: refused, reset, or cut off by its end.</summary>
    public static bool IsTransport(RpcException failure) =>
        failure.StatusCode == StatusCode.Cancelled
        || (failure.StatusCode == StatusCode.Unavailable && failure.GetRpcStatus() is null)
        || failure.Status.DebugException is HttpRequestException or IOException or SocketException;

    private static bool IsFull(RpcException failure) =>
        failure.StatusCode == StatusCode.ResourceExhausted && RetryDelay(failure) is not null;
}
