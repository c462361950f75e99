using Xunit;

namespace FluxGrpc.ProcessTests.Clients;

/// <summary>A test that is skipped, visibly, where the Node client cannot be run.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NodeFactAttribute : FactAttribute
{
    public NodeFactAttribute() => Skip = ClientProgram.Node.Missing;
}
