using FluxGrpc.Testing.Processes;
using Xunit;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>A test that runs another program, skipped where it is not there; CI installs it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CommandFactAttribute : FactAttribute
{
    /// <param name="command">The program's name.</param>
    public CommandFactAttribute(string command)
    {
        if (ForeignProgram.Find(command) is null)
            Skip = $"needs {command} on the path";
    }
}
