using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Access;

/// <summary>Who makes a call.</summary>
/// <param name="Key">The key that was shown; null where none is needed.</param>
/// <param name="Limits">The limits of all callers with that key.</param>
internal sealed record Caller(ApiKey? Key, KeyLimits Limits)
{
    /// <summary>Whoever calls an orchestrator that asks for no keys.</summary>
    public static Caller Anyone { get; } =
        new(null, new KeyLimits(new ApiKey { Id = "", Name = "", Sha256 = "", RequestsPerMinute = 0, MaxConcurrent = 0 }));

    /// <summary>Name of the owner of what the call begins: the key's id, or empty.</summary>
    public string Id => Key?.Id ?? "";

    /// <summary>The priority that a request gets: where it names none, the highest that the key may ask for.</summary>
    /// <exception cref="RpcException">PERMISSION_DENIED: the key may not ask for it.</exception>
    public Priority Grant(Priority wish) => (Key?.Priority, wish) switch
    {
        (Priority.Batch, Priority.Unspecified) => Priority.Batch,
        (Priority.Batch, Priority.Interactive) => throw RpcErrors.PermissionDenied(
            "PRIORITY_NOT_ALLOWED", "This API key may ask for PRIORITY_BATCH only"),
        _ => wish,
    };
}
