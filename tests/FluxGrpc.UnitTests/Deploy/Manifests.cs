using System.Collections.Concurrent;
using k8s;
using k8s.Models;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>
/// What <c>kubectl apply --kustomize</c> would send to a cluster, read strictly: a field that the API does not know is refused.
/// </summary>
/// <param name="Objects">All objects.</param>
internal sealed record Manifests(IReadOnlyList<object> Objects)
{
    /// <summary>The program that renders them.</summary>
    public const string Kubectl = "kubectl";

    private static readonly ConcurrentDictionary<string, Task<Manifests>> _rendered = new();

    public IEnumerable<V1Deployment> Deployments => Objects.OfType<V1Deployment>();

    /// <summary>Renders an overlay of deploy/kubernetes, once.</summary>
    /// <param name="overlay">Its folder's name.</param>
    public static Task<Manifests> RenderAsync(string overlay) => _rendered.GetOrAdd(overlay, async name => Parse(
        await ExternalCommand.OutputAsync(new Dictionary<string, string>(), Kubectl, "kustomize", $"deploy/kubernetes/overlays/{name}")));

    /// <summary>Reads manifests.</summary>
    /// <exception cref="YamlDotNet.Core.YamlException">A field that the API does not know, or twice the same.</exception>
    public static Manifests Parse(string yaml) => new([.. KubernetesYaml.LoadAllFromString(yaml, strict: true)]);

    /// <summary>The one container of a deployment.</summary>
    public V1Container ContainerOf(string deployment) => Deployments.Single(item => item.Name() == deployment).Container();

    /// <summary>The labels of the pods of all deployments, by the deployment's name.</summary>
    public IReadOnlyDictionary<string, IDictionary<string, string>> PodLabels() =>
        Deployments.ToDictionary(item => item.Name(), item => item.Spec.Template.Metadata.Labels);

    /// <summary>Names of the deployments whose pods a selector means.</summary>
    public IEnumerable<string> Selected(V1LabelSelector selector) =>
        PodLabels().Where(pod => Fits(selector, pod.Value)).Select(pod => pod.Key);

    private static bool Fits(V1LabelSelector selector, IDictionary<string, string> labels) =>
        (selector.MatchLabels ?? new Dictionary<string, string>()).All(pair =>
            labels.TryGetValue(pair.Key, out var value) && value == pair.Value)
        && (selector.MatchExpressions ?? []).All(expression => expression.OperatorProperty == "In"
            && labels.TryGetValue(expression.Key, out var value) && expression.Values.Contains(value));
}
