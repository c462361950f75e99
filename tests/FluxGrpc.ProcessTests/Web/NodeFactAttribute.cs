using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;
using Xunit;

namespace FluxGrpc.ProcessTests.Web;

/// <summary>A test that runs a script of tests/web; skipped, with what to do, where Node or the script's packages are not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal class NodeFactAttribute : FactAttribute
{
    /// <inheritdoc/>
    public override string? Skip { get => Problem; set => throw new NotSupportedException(); }

    /// <summary>What is missing; null where nothing is.</summary>
    protected virtual string? Problem =>
        ForeignProgram.Find("node") is null ? "needs Node 20: apt-get install nodejs npm"
        : Directory.Exists(Repository.PathOf("tests", "web", "node_modules")) ? null
        : "needs its packages: npm ci --prefix tests/web";
}
