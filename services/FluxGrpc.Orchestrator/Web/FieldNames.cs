namespace FluxGrpc.Orchestrator.Web;

/// <summary>What an endpoint calls the fields of the contracts, so that errors speak of what the caller sent.</summary>
/// <param name="names">
/// The contract's name, and the endpoint's: its parameter, and after a colon what of it, as in "size: width".
/// </param>
internal sealed class FieldNames(IReadOnlyDictionary<string, string> names)
{
    /// <summary>The endpoint's name of a field.</summary>
    public string Of(string field) => names.GetValueOrDefault(field, field);

    /// <summary>The parameter that an endpoint's name of a field begins with.</summary>
    public static string ParameterOf(string name) => name.Split(':')[0];
}
