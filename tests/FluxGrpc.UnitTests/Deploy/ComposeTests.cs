using Xunit;
using YamlDotNet.Serialization;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>deploy/compose.yaml and its override, as Docker Compose itself understands them.</summary>
public sealed class ComposeTests
{
    private const string Compose = "docker-compose";

    private static readonly string[] _base = ["--file", "deploy/compose.yaml"];
    private static readonly string[] _gpu = [.. _base, "--file", "deploy/compose.gpu.yaml"];

    [CommandFact(Compose)]
    public async Task Every_service_is_contained_and_only_the_orchestrator_is_reached_from_this_machine_alone()
    {
        var services = await ConfigureAsync(_base);

        Assert.Equal(["denoiser-1", "denoiser-2", "orchestrator", "text-encoder", "vae"], services.Keys.Order());
        Assert.All(services, service =>
        {
            Assert.Equal("1654:1654", service.Value.User);
            Assert.True(service.Value.ReadOnly);
            Assert.Equal(["ALL"], service.Value.CapDrop);
            Assert.Equal(["no-new-privileges:true"], service.Value.SecurityOpt);
            Assert.Equal(service.Key.StartsWith("denoiser", StringComparison.Ordinal) ? "denoiser" : service.Key,
                service.Value.Build.Target);
        });
        Assert.All(services.Where(service => service.Key != "orchestrator"), service => Assert.Empty(service.Value.Ports));
        Assert.All(services["orchestrator"].Ports, port => Assert.StartsWith("127.0.0.1:", port, StringComparison.Ordinal));
    }

    [CommandFact(Compose)]
    public async Task Every_service_is_told_options_that_it_takes_and_the_orchestrator_where_the_others_are()
    {
        foreach (var services in new[] { await ConfigureAsync(_base), await ConfigureAsync(_gpu) })
        {
            Assert.All(services.Values, service =>
            {
                var image = ServiceImage.Named(service.Build.Target);
                Assert.All(service.Environment.Keys, name => Assert.Contains(name, image.Variables));
                image.Read(name => service.Environment.GetValueOrDefault(name,
                    name.EndsWith("_CHECKPOINT", StringComparison.Ordinal) ? "/app/checkpoint" : ""));
            });
            var told = services["orchestrator"].Environment.Values.SelectMany(value => value.Split(','));
            Assert.Equal(
                services.Where(service => service.Key != "orchestrator")
                    .Select(service => $"http://{service.Key}:{ServiceImage.Named(service.Value.Build.Target).Port}").Order(),
                told.Order());
        }
    }

    [CommandFact(Compose)]
    public async Task The_override_gives_each_service_with_a_model_a_GPU_of_its_own()
    {
        var services = await ConfigureAsync(_gpu);

        var pinned = services.Where(service => service.Key != "orchestrator").Select(service =>
        {
            Assert.Equal("cuda", service.Value.Build.Args["TORCH_BACKEND"]);
            Assert.EndsWith("-cuda", service.Value.Image, StringComparison.Ordinal);
            Assert.Equal("cuda:0", service.Value.Environment.Single(item => item.Key.EndsWith("_DEVICE", StringComparison.Ordinal)).Value);
            Assert.Equal(["/weights:/models:ro"], service.Value.Volumes);
            return Assert.Single(Assert.Single(service.Value.Deploy!.Resources.Reservations.Devices).DeviceIds);
        });
        Assert.Equal(["0", "1", "2", "3"], pinned.Order());
        Assert.Null(services["orchestrator"].Deploy);
    }

    private static async Task<Dictionary<string, Service>> ConfigureAsync(string[] files)
    {
        var text = await ExternalCommand.OutputAsync(
            new Dictionary<string, string> { ["FLUX_MODEL"] = "/weights" }, Compose, [.. files, "config"]);
        return new DeserializerBuilder()
            .WithNamingConvention(YamlDotNet.Serialization.NamingConventions.UnderscoredNamingConvention.Instance)
            .IgnoreUnmatchedProperties()
            .Build()
            .Deserialize<Project>(text).Services;
    }

    private sealed class Project
    {
        public Dictionary<string, Service> Services { get; set; } = [];
    }

    private sealed class Service
    {
        public string Image { get; set; } = "";
        public Build Build { get; set; } = new();
        public string User { get; set; } = "";
        public bool ReadOnly { get; set; }
        public List<string> CapDrop { get; set; } = [];
        public List<string> SecurityOpt { get; set; } = [];
        public List<string> Ports { get; set; } = [];
        public List<string> Volumes { get; set; } = [];
        public Dictionary<string, string> Environment { get; set; } = [];
        public Deploy? Deploy { get; set; }
    }

    private sealed class Build
    {
        public string Target { get; set; } = "";
        public Dictionary<string, string> Args { get; set; } = [];
    }

    private sealed class Deploy
    {
        public Resources Resources { get; set; } = new();
    }

    private sealed class Resources
    {
        public Reservations Reservations { get; set; } = new();
    }

    private sealed class Reservations
    {
        public List<Device> Devices { get; set; } = [];
    }

    private sealed class Device
    {
        public List<string> DeviceIds { get; set; } = [];
    }
}
