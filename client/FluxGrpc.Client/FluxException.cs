using Google.Rpc;
using Grpc.Core;

namespace FluxGrpc.Client;

/// <summary>A call that failed: what the server said, decoded from its google.rpc details.</summary>
public sealed class FluxException : Exception
{
    private FluxException(string message, RpcException cause)
        : base(message, cause)
    {
        Status = cause.StatusCode;
        IsConnectionLost = cause.Status.DebugException is not null;
    }

    /// <summary>True where the status is not the server's: it was not reached, or the connection broke.</summary>
    public bool IsConnectionLost { get; }

    /// <summary>The call's status.</summary>
    public StatusCode Status { get; }

    /// <summary>Stable UPPER_SNAKE name of the reason, for code to branch on: "MODEL_LOADING". Empty where the server gave none.</summary>
    public string Reason { get; private init; } = "";

    /// <summary>What is wrong with the request, field by field; empty for other failures.</summary>
    public IReadOnlyList<FieldViolation> Violations { get; private init; } = [];

    /// <summary>How long the server asks to wait before another try; null where another try is of no use or it did not say.</summary>
    public TimeSpan? RetryDelay { get; private init; }

    /// <summary>Decodes a failed call.</summary>
    /// <param name="exception">What gRPC threw.</param>
    /// <param name="address">The server's address, for the message where it gave no answer at all.</param>
    public static FluxException From(RpcException exception, string address)
    {
        var status = exception.GetRpcStatus();
        return new FluxException(Describe(exception, address), exception)
        {
            Reason = status?.GetDetail<ErrorInfo>()?.Reason ?? "",
            Violations =
            [
                .. status?.GetDetail<BadRequest>()?.FieldViolations
                    .Select(violation => new FieldViolation(violation.Field, violation.Description)) ?? [],
            ],
            RetryDelay = status?.GetDetail<RetryInfo>()?.RetryDelay?.ToTimeSpan(),
        };
    }

    /// <summary>A failure on the way has the cause of the transport; all others have the server's own words.</summary>
    private static string Describe(RpcException exception, string address) => exception.Status.DebugException is { } cause
        ? $"No answer from {address}: {cause.GetBaseException().Message}"
        : exception.Status.Detail;
}
