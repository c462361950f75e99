using FluxGrpc.Testing.Processes;

namespace FluxGrpc.ProcessTests.Web;

/// <summary>A <see cref="NodeFactAttribute"/> that also needs a browser.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserFactAttribute : NodeFactAttribute
{
    /// <summary>The browser's program.</summary>
    public static string? Chromium => ForeignProgram.Find("chromium") ?? ForeignProgram.Find("google-chrome");

    /// <inheritdoc/>
    protected override string? Problem => base.Problem ?? (Chromium is null ? "needs Chromium: apt-get install chromium" : null);
}
