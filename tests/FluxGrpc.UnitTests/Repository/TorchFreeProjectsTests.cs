using System.Text.Json;
using Xunit;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.UnitTests.Repository;

/// <summary>Reads what NuGet resolved for each project: the light ones have no libtorch in their closure.</summary>
public sealed class TorchFreeProjectsTests
{
    [Theory]
    [InlineData("FluxGrpc.Contracts")]
    [InlineData("FluxGrpc.Tensors")]
    [InlineData("FluxGrpc.Channels")]
    [InlineData("FluxGrpc.Hosting")]
    [InlineData("FluxGrpc.Orchestrator")]
    [InlineData("FluxGrpc.Scenes")]
    [InlineData("FluxGrpc.Client")]
    [InlineData("FluxGrpc.Client.AI")]
    public void A_light_project_has_no_torch_in_its_closure(string project) => Assert.DoesNotContain(Closure(project), IsTorch);

    [Theory]
    [InlineData("FluxGrpc.Torch")]
    [InlineData("FluxGrpc.Denoiser")]
    public void A_heavy_project_has(string project) => Assert.Contains(Closure(project), IsTorch);

    private static bool IsTorch(string library) => library.Contains("torch", StringComparison.OrdinalIgnoreCase);

    /// <summary>Names of all packages and projects that the project sees, directly or not.</summary>
    private static string[] Closure(string project)
    {
        using var assets = JsonDocument.Parse(File.ReadAllBytes(Checkout.PathOf("artifacts", "obj", project, "project.assets.json")));
        return [.. assets.RootElement.GetProperty("libraries").EnumerateObject().Select(library => library.Name)];
    }
}
