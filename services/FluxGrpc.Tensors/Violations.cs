using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using GrpcStatusProto = Google.Rpc.Status;

namespace FluxGrpc.Tensors;

/// <summary>
/// Collects what is wrong with a request, field by field, and turns it into INVALID_ARGUMENT with google.rpc.BadRequest.
/// </summary>
public sealed class Violations
{
    private readonly BadRequest _details = new();

    /// <summary>True where nothing was added.</summary>
    public bool None => _details.FieldViolations.Count == 0;

    /// <summary>Adds one violation.</summary>
    /// <param name="field">Path of the field in the request, in the .proto file's names: "open.grid.rows".</param>
    /// <param name="description">What the value is and what is allowed.</param>
    public Violations Add(string field, string description)
    {
        _details.FieldViolations.Add(new BadRequest.Types.FieldViolation { Field = field, Description = description });
        return this;
    }

    /// <summary>Adds a violation where the value lies outside the closed range; NaN always does.</summary>
    public Violations CheckRange(string field, double value, double least, double most)
    {
        if (!(value >= least && value <= most))
            Add(field, FormattableString.Invariant($"is {value}; allowed: {least} to {most}"));
        return this;
    }

    /// <summary>Throws the violations where there are any.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT.</exception>
    public void ThrowIfAny()
    {
        if (!None)
            throw ToException();
    }

    /// <summary>INVALID_ARGUMENT whose text names each field and whose details hold the BadRequest.</summary>
    public RpcException ToException() => new GrpcStatusProto
    {
        Code = (int)Code.InvalidArgument,
        Message = string.Join("; ", _details.FieldViolations.Select(violation => $"{violation.Field} {violation.Description}")),
        Details = { Any.Pack(_details) },
    }.ToRpcException();

    /// <summary>INVALID_ARGUMENT for one field.</summary>
    public static RpcException Of(string field, string description) => new Violations().Add(field, description).ToException();
}
