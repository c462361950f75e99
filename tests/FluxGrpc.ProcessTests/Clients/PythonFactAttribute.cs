using Xunit;

namespace FluxGrpc.ProcessTests.Clients;

/// <summary>A test that is skipped, visibly, where the Python client cannot be run.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PythonFactAttribute : FactAttribute
{
    public PythonFactAttribute() => Skip = ClientProgram.Python.Missing;
}
