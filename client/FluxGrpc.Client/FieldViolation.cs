namespace FluxGrpc.Client;

/// <summary>One thing that is wrong with a request.</summary>
/// <param name="Field">Path of the field, in the .proto file's names: "width".</param>
/// <param name="Description">What the value is and what is allowed.</param>
public sealed record FieldViolation(string Field, string Description);
