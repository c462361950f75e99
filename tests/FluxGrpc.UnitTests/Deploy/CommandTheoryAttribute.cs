using FluxGrpc.Testing.Processes;
using Xunit;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>A <see cref="CommandFactAttribute"/> with cases.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class CommandTheoryAttribute : TheoryAttribute
{
    /// <param name="command">The program's name.</param>
    public CommandTheoryAttribute(string command)
    {
        if (ForeignProgram.Find(command) is null)
            Skip = $"needs {command} on the path";
    }
}
