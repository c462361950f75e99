namespace FluxGrpc.ChaosTests.Cables;

/// <summary>Lays the most faithful cables that the machine allows.</summary>
internal static class CableFactory
{
    /// <summary>Set to "relay" to do without network namespaces.</summary>
    private const string Variable = "FLUX_CHAOS_CABLE";

    /// <summary>Lays a cable.</summary>
    /// <param name="number">Its number in this process, 0 to 3.</param>
    public static ICable Create(int number) =>
        (Environment.GetEnvironmentVariable(Variable) == "relay" ? null : NamespaceCable.TryCreate(number)) ?? (ICable)new RelayCable();
}
