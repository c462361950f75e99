using FluxGrpc.Hosting;
using k8s.Models;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>Shorter ways to what the tests ask of a deployment.</summary>
internal static class DeploymentFacts
{
    /// <summary>Its one container.</summary>
    public static V1Container Container(this V1Deployment deployment) => deployment.Spec.Template.Spec.Containers.Single();

    /// <summary>The container's environment.</summary>
    public static Dictionary<string, string> Variables(this V1Container container) =>
        (container.Env ?? []).ToDictionary(item => item.Name, item => item.Value);

    /// <summary>What its program would be told: by the manifest, else by the image.</summary>
    public static ServiceOptions Options(this V1Container container)
    {
        var variables = container.Variables();
        return ServiceImage.Named(container.Name).Read(name =>
            variables.GetValueOrDefault(name, name.EndsWith("_CHECKPOINT", StringComparison.Ordinal) ? "/app/checkpoint" : ""));
    }
}
