using Google.Rpc;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace FluxGrpc.Orchestrator.Web;

/// <summary>
/// A failure as HTTP tells it: a status, and a body in the shape of OpenAI's API, <c>{"error": {message, type, param, code}}</c>, with
/// the violations of all fields beside these.
/// </summary>
internal sealed record WebError
{
    private const string InvalidRequest = "invalid_request_error";
    private const string ServerFailure = "server_error";
    private const int ClientClosedRequest = 499;

    /// <summary>HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>For people.</summary>
    public required string Message { get; init; }

    /// <summary>Kind of failure: "invalid_request_error", "rate_limit_error", "server_error".</summary>
    public required string Type { get; init; }

    /// <summary>The first field that is wrong, or null.</summary>
    public string? Param { get; init; }

    /// <summary>Name of the reason, for code to branch on: "invalid_value", "queue_full"; null where there is none.</summary>
    public string? Code { get; init; }

    /// <summary>Everything that is wrong with the request, field by field.</summary>
    public IReadOnlyList<Violation> Violations { get; init; } = [];

    /// <summary>When another try may succeed, in seconds from now; null where none will or it is not known.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>What a call of the orchestrator, or a check of the web front's own, ended with.</summary>
    /// <param name="failure">The call's failure.</param>
    /// <param name="names">What the endpoint calls the contract's fields; null where it calls them the same.</param>
    public static WebError Of(RpcException failure, FieldNames? names)
    {
        var details = failure.GetRpcStatus();
        Violation[] violations =
        [
            .. details?.GetDetail<BadRequest>()?.FieldViolations
                .Select(violation => new Violation(names?.Of(violation.Field) ?? violation.Field, violation.Description)) ?? [],
        ];
        var (status, type) = Map(failure.StatusCode);
        return new WebError
        {
            Status = status,
            Type = type,
            Message = violations.Length == 0
                ? failure.Status.Detail
                : string.Join("; ", violations.Select(violation => $"{violation.Field} {violation.Description}")),
            Param = violations.Length == 0 ? null : FieldNames.ParameterOf(violations[0].Field),
            Code = violations.Length > 0 ? "invalid_value" : details?.GetDetail<ErrorInfo>()?.Reason.ToLowerInvariant(),
            Violations = violations,
            RetryAfterSeconds = details?.GetDetail<RetryInfo>()?.RetryDelay is { } delay
                ? (int)Math.Ceiling(delay.ToTimeSpan().TotalSeconds)
                : null,
        };
    }

    /// <summary>What the server refused before any endpoint read it: too large, not JSON, cut off.</summary>
    public static WebError Of(BadHttpRequestException failure) =>
        new() { Status = failure.StatusCode, Message = failure.Message, Type = InvalidRequest };

    /// <summary>A bare status.</summary>
    public static WebError OfStatus(int status, Microsoft.AspNetCore.Http.HttpRequest request) => status switch
    {
        StatusCodes.Status404NotFound => new()
        {
            Status = status,
            Message = $"There is nothing at {request.Path}",
            Type = InvalidRequest,
            Code = "unknown_url",
        },
        StatusCodes.Status405MethodNotAllowed => new()
        {
            Status = status,
            Message = $"{request.Path} does not take {request.Method}",
            Type = InvalidRequest,
            Code = "method_not_supported",
        },
        >= StatusCodes.Status500InternalServerError => new()
        {
            Status = status,
            Message = "Internal error; the server's log has the details",
            Type = ServerFailure,
        },
        _ => new() { Status = status, Message = $"Refused with HTTP status {status}", Type = InvalidRequest },
    };

    /// <summary>The body.</summary>
    public byte[] ToJson() => WebJson.Serialize(new Body(new Content(Message, Type, Param, Code, Violations)));

    private static (int Status, string Type) Map(StatusCode code) => code switch
    {
        StatusCode.InvalidArgument or StatusCode.OutOfRange => (StatusCodes.Status400BadRequest, InvalidRequest),
        StatusCode.Unauthenticated => (StatusCodes.Status401Unauthorized, InvalidRequest),
        StatusCode.PermissionDenied => (StatusCodes.Status403Forbidden, "permission_error"),
        StatusCode.NotFound => (StatusCodes.Status404NotFound, InvalidRequest),
        StatusCode.AlreadyExists or StatusCode.Aborted => (StatusCodes.Status409Conflict, InvalidRequest),
        StatusCode.ResourceExhausted => (StatusCodes.Status429TooManyRequests, "rate_limit_error"),
        StatusCode.Cancelled => (ClientClosedRequest, InvalidRequest),
        StatusCode.Unimplemented => (StatusCodes.Status501NotImplemented, ServerFailure),
        StatusCode.Unavailable => (StatusCodes.Status503ServiceUnavailable, ServerFailure),
        StatusCode.DeadlineExceeded => (StatusCodes.Status504GatewayTimeout, ServerFailure),
        _ => (StatusCodes.Status500InternalServerError, ServerFailure), // FAILED_PRECONDITION too: the models do not fit.
    };

    /// <summary>One thing that is wrong with a request.</summary>
    /// <param name="Field">The field, as the endpoint calls it.</param>
    /// <param name="Description">What the value is and what is allowed.</param>
    internal sealed record Violation(string Field, string Description);

    private sealed record Body(Content Error);

    private sealed record Content(string Message, string Type, string? Param, string? Code, IReadOnlyList<Violation> Violations);
}
