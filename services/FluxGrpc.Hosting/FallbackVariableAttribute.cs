namespace FluxGrpc.Hosting;

/// <summary>An option that also has a variable of a common standard, which counts where its own is not set.</summary>
/// <param name="name">"OTEL_EXPORTER_OTLP_ENDPOINT".</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class FallbackVariableAttribute(string name) : Attribute
{
    /// <summary>The variable's name.</summary>
    public string Name { get; } = name;
}
