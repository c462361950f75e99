namespace FluxGrpc.LocalCluster;

/// <summary>One choice for all services: which of them it is for.</summary>
internal static class WeightDtypes
{
    /// <summary>The text encoder's, which has no int8: some of T5's activations are a thousand times as large as others.</summary>
    /// <param name="weightDtype">"stored", "compute", "float8" or "int8".</param>
    public static string OfTextEncoder(string weightDtype) => weightDtype == "int8" ? "stored" : weightDtype;
}
