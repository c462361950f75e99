using FluxGrpc.Hosting;
using k8s.Models;
using Xunit;
using YamlDotNet.Core;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>deploy/kubernetes, rendered by kubectl and held against the types of the Kubernetes API and against our programs.</summary>
public sealed class KubernetesTests
{
    /// <summary>Seconds between the end of the calls in hand and the end of the process.</summary>
    private const string MetricsPort = "metrics";
    private const int EndSeconds = 5;

    public static TheoryData<string> Overlays => ["cpu", "gpu"];

    [Fact]
    public void A_field_that_the_API_does_not_know_is_refused()
    {
        const string Right = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\nspec:\n  clusterIP: None\n";

        Assert.Single(Manifests.Parse(Right).Objects);
        Assert.Throws<YamlException>(() => Manifests.Parse(Right.Replace("clusterIP", "clusterIp", StringComparison.Ordinal)));
    }

    [CommandTheory(Manifests.Kubectl)]
    [MemberData(nameof(Overlays))]
    public async Task Every_service_is_deployed_with_an_image_of_a_version_and_options_that_it_takes(string overlay)
    {
        var manifests = await Manifests.RenderAsync(overlay);

        Assert.Equal(ServiceImage.All.Select(image => image.Name).Order(), manifests.Deployments.Select(item => item.Name()).Order());
        Assert.All(manifests.Deployments, deployment =>
        {
            var container = deployment.Container();
            Assert.Matches($"^flux-grpc/{deployment.Name()}:[0-9]+\\.[0-9]+\\.[0-9]+(-cuda)?$", container.Image);
            Assert.All(container.Variables().Keys, name => Assert.Contains(name, ServiceImage.Named(deployment.Name()).Variables));
            _ = container.Options();
        });
    }

    [CommandTheory(Manifests.Kubectl)]
    [MemberData(nameof(Overlays))]
    public async Task No_pod_has_rights_that_it_does_not_need(string overlay)
    {
        var manifests = await Manifests.RenderAsync(overlay);

        Assert.Equal("restricted", manifests.Objects.OfType<V1Namespace>().Single().Labels()["pod-security.kubernetes.io/enforce"]);
        Assert.All(manifests.Deployments, deployment =>
        {
            var (pod, container) = (deployment.Spec.Template.Spec, deployment.Container());
            Assert.False(pod.AutomountServiceAccountToken);
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.Equal(1654, pod.SecurityContext.RunAsUser);
            Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
            Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            Assert.Null(container.SecurityContext.Capabilities.Add);
            Assert.True(container.Resources.Requests.ContainsKey("memory"));
        });
    }

    [CommandTheory(Manifests.Kubectl)]
    [MemberData(nameof(Overlays))]
    public async Task Health_is_asked_of_the_port_that_the_service_listens_at_and_life_never_depends_on_others(string overlay)
    {
        var manifests = await Manifests.RenderAsync(overlay);

        Assert.All(manifests.Deployments, deployment =>
        {
            var container = deployment.Container();
            var port = ServiceImage.Named(deployment.Name()).Port;
            Assert.Equal(port, container.Ports.Single(item => item.Name == "grpc").ContainerPort);
            Assert.All(new[] { container.StartupProbe, container.ReadinessProbe, container.LivenessProbe },
                probe => Assert.Equal(port, probe.Grpc.Port));
            Assert.Equal(ServiceHost.Liveness, container.LivenessProbe.Grpc.Service);
            Assert.Null(container.ReadinessProbe.Grpc.Service);
            Assert.InRange(container.StartupProbe.FailureThreshold!.Value * container.StartupProbe.PeriodSeconds!.Value, 60, 3600);
        });
    }

    [CommandTheory(Manifests.Kubectl)]
    [MemberData(nameof(Overlays))]
    public async Task A_pod_that_ends_gets_the_time_that_its_calls_may_take(string overlay)
    {
        var manifests = await Manifests.RenderAsync(overlay);

        Assert.All(manifests.Deployments, deployment =>
        {
            var container = deployment.Container();
            var before = container.Lifecycle?.PreStop?.Sleep?.Seconds ?? 0;
            Assert.Equal(before + container.Options().ShutdownSeconds + EndSeconds,
                deployment.Spec.Template.Spec.TerminationGracePeriodSeconds);
        });
    }

    [CommandTheory(Manifests.Kubectl)]
    [MemberData(nameof(Overlays))]
    public async Task The_orchestrator_finds_every_replica_by_headless_services(string overlay)
    {
        var manifests = await Manifests.RenderAsync(overlay);
        var services = manifests.Objects.OfType<V1Service>().ToDictionary(service => service.Name());
        var told = manifests.ContainerOf("orchestrator").Variables();

        Assert.All(ServiceImage.Models, image =>
        {
            var service = services[image.Name];
            Assert.Equal($"dns:///{service.Name()}:{image.Port}",
                told[$"FLUX_ORCHESTRATOR_{image.Name.Replace('-', '_').ToUpperInvariant()}"]);
            Assert.Equal("None", service.Spec.ClusterIP);
            Assert.Equal(image.Port, Assert.Single(service.Spec.Ports).Port);
        });
        Assert.Null(services["orchestrator"].Spec.ClusterIP);
        Assert.All(services.Values, service =>
        {
            Assert.Equal([service.Name()], manifests.Selected(new V1LabelSelector { MatchLabels = service.Spec.Selector }));
            Assert.All(service.Spec.Ports, port =>
                Assert.Contains(port.TargetPort.Value, manifests.ContainerOf(service.Name()).Ports.Select(item => item.Name)));
        });
    }

    [CommandTheory(Manifests.Kubectl)]
    [MemberData(nameof(Overlays))]
    public async Task Disruptions_are_bounded_and_denoisers_are_scaled_by_the_work_that_waits(string overlay)
    {
        var manifests = await Manifests.RenderAsync(overlay);

        Assert.All(manifests.Deployments, deployment =>
            Assert.Equal([deployment.Name()], manifests.Selected(deployment.Spec.Selector)));
        Assert.Equal(manifests.Deployments.Select(item => item.Name()).Order(),
            manifests.Objects.OfType<V1PodDisruptionBudget>().SelectMany(budget => manifests.Selected(budget.Spec.Selector)).Order());
        var scaling = Assert.Single(manifests.Objects.OfType<V2HorizontalPodAutoscaler>()).Spec;
        Assert.Null(manifests.Deployments.Single(item => item.Name() == scaling.ScaleTargetRef.Name).Spec.Replicas);
        Assert.Equal("denoiser", scaling.ScaleTargetRef.Name);
        Assert.True(scaling.MinReplicas >= 2); // One drains while another takes its images over.
        Assert.Equal("External", Assert.Single(scaling.Metrics).Type);
    }

    [CommandTheory(Manifests.Kubectl)]
    [MemberData(nameof(Overlays))]
    public async Task Only_the_orchestrator_reaches_the_services_with_models_and_only_callers_reach_it(string overlay)
    {
        var manifests = await Manifests.RenderAsync(overlay);
        var policies = manifests.Objects.OfType<V1NetworkPolicy>().Select(policy => policy.Spec).ToList();
        IEnumerable<V1NetworkPolicySpec> Of(string pod, string direction) => policies.Where(policy =>
            policy.PolicyTypes.Contains(direction) && manifests.Selected(policy.PodSelector).Contains(pod));

        Assert.All(ServiceImage.Models, image =>
        {
            var sources = Of(image.Name, "Ingress").SelectMany(policy => policy.Ingress ?? []).Where(rule => !IsForMetrics(rule)).ToList();
            Assert.Equal(["orchestrator"], manifests.Selected(Assert.Single(Assert.Single(sources).FromProperty).PodSelector));
            Assert.Empty(Of(image.Name, "Egress").SelectMany(policy => policy.Egress ?? []));
            Assert.NotEmpty(Of(image.Name, "Egress")); // One that lets nothing through: without any, all would pass.
        });
        var callers = Assert.Single(
            Of("orchestrator", "Ingress").SelectMany(policy => policy.Ingress ?? []), rule => !IsForMetrics(rule));
        Assert.Equal(new Dictionary<string, string> { ["flux-grpc/caller"] = "true" },
            Assert.Single(callers.FromProperty).PodSelector.MatchLabels);
        var reached = Of("orchestrator", "Egress").SelectMany(policy => policy.Egress ?? []).ToList();
        Assert.Equal(ServiceImage.Models.Select(image => image.Name).Order(),
            reached.SelectMany(rule => rule.To).Where(peer => peer.NamespaceSelector is null)
                .SelectMany(peer => manifests.Selected(peer.PodSelector)).Order());
        Assert.Equal(["53", "53"], reached.Single(rule => rule.To[0].NamespaceSelector is not null).Ports.Select(port => port.Port.Value));
        var named = policies.SelectMany(policy => policy.Ingress ?? []).SelectMany(rule => rule.Ports).Select(port => port.Port.Value);
        Assert.All(named, name => Assert.Contains(name, manifests.ContainerOf("orchestrator").Ports.Select(port => port.Name)));
    }

    [CommandTheory(Manifests.Kubectl)]
    [MemberData(nameof(Overlays))]
    public async Task Every_pod_shows_its_metrics_to_whoever_has_the_label_for_it(string overlay)
    {
        var manifests = await Manifests.RenderAsync(overlay);
        var policy = Assert.Single(
            manifests.Objects.OfType<V1NetworkPolicy>(), policy => (policy.Spec.Ingress ?? []).Any(IsForMetrics)).Spec;

        Assert.Equal(manifests.Deployments.Select(item => item.Name()).Order(), manifests.Selected(policy.PodSelector).Order());
        Assert.Equal(new Dictionary<string, string> { ["flux-grpc/metrics-reader"] = "true" },
            Assert.Single(Assert.Single(policy.Ingress).FromProperty).PodSelector.MatchLabels);
        Assert.All(manifests.Deployments, deployment =>
        {
            var container = deployment.Container();
            Assert.EndsWith($":{container.Ports.Single(port => port.Name == MetricsPort).ContainerPort}",
                container.Options().MetricsAddress, StringComparison.Ordinal);
        });
    }

    [CommandFact(Manifests.Kubectl)]
    public async Task With_GPUs_each_service_with_a_model_has_one_of_its_own_and_reads_the_weights_of_the_volume()
    {
        var manifests = await Manifests.RenderAsync("gpu");
        var claim = Assert.Single(manifests.Objects.OfType<V1PersistentVolumeClaim>()).Name();

        Assert.All(ServiceImage.Models, image =>
        {
            var container = manifests.ContainerOf(image.Name);
            var options = (ModelServiceOptions)container.Options();
            Assert.Equal("1", container.Resources.Limits["nvidia.com/gpu"].ToString());
            Assert.Equal("cuda:0", options.Device);
            Assert.EndsWith("-cuda", container.Image, StringComparison.Ordinal);
            var mount = container.VolumeMounts.Single(item => item.MountPath == options.Checkpoint);
            Assert.True(mount.ReadOnlyProperty);
            var volume = manifests.Deployments.Single(item => item.Name() == image.Name).Spec.Template.Spec.Volumes
                .Single(item => item.Name == mount.Name);
            Assert.Equal(claim, volume.PersistentVolumeClaim.ClaimName);
        });
        Assert.Equal(["memory"], manifests.ContainerOf("orchestrator").Resources.Limits.Keys);
    }

    [CommandFact(Manifests.Kubectl)]
    public async Task Without_GPUs_the_services_compute_on_the_CPU_with_the_model_of_their_image()
    {
        var manifests = await Manifests.RenderAsync("cpu");

        Assert.All(ServiceImage.Models, image =>
        {
            var options = (ModelServiceOptions)manifests.ContainerOf(image.Name).Options();
            Assert.Equal(("cpu", "/app/checkpoint"), (options.Device, options.Checkpoint));
        });
        Assert.Empty(manifests.Objects.OfType<V1PersistentVolumeClaim>());
    }

    private static bool IsForMetrics(V1NetworkPolicyIngressRule rule) => rule.Ports.All(port => port.Port.Value == MetricsPort);
}
