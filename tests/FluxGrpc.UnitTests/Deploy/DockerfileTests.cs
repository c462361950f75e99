using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.UnitTests.Deploy;

/// <summary>
/// What linters of Dockerfiles ask for, and what the four services' images have to be. That they can be built and run is shown by
/// deploy/prove-images.
/// </summary>
public sealed partial class DockerfileTests
{
    private static readonly string[] _allowed =
        ["ARG", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT"]; // No ADD, no shell to be set.

    private readonly IReadOnlyList<DockerStage> _stages = DockerStage.ReadAll();

    public static TheoryData<string> Services => [.. ServiceImage.All.Select(image => image.Name)];

    [Fact]
    public void Every_base_is_a_stage_or_an_image_of_a_named_version()
    {
        Assert.All(_stages, stage => Assert.True(
            _stages.Any(other => other.Name == stage.Base) || Pinned().IsMatch(stage.Base), $"{stage.Name} is from {stage.Base}"));
    }

    [Fact]
    public void Only_instructions_with_no_surprises_are_used()
    {
        Assert.All(_stages.SelectMany(stage => stage.Instructions), item => Assert.Contains(item.Keyword, _allowed));
        Assert.All(Values(_stages, "WORKDIR"), folder => Assert.StartsWith("/", folder, StringComparison.Ordinal));
        Assert.All(Values(_stages, "RUN"), command => Assert.DoesNotMatch(@"\b(sudo|apt|apt-get|curl|wget|chmod 777)\b", command));
    }

    [Fact]
    public void What_is_copied_from_the_checkout_is_there()
    {
        var copied = Values(_stages, "COPY").Where(value => !value.StartsWith("--from", StringComparison.Ordinal))
            .SelectMany(value => value.Split(' ')[..^1]);

        Assert.All(copied, path => Assert.True(Path.Exists(Checkout.PathOf(path)), path));
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void A_services_image_runs_its_program_as_a_user_without_rights_and_tells_its_health(string service)
    {
        var image = ServiceImage.Named(service);
        var chain = DockerStage.Chain(_stages, service);
        string Last(string keyword) => chain.Last(item => item.Keyword == keyword).Value;

        Assert.Equal("1654:1654", Last("USER"));
        Assert.DoesNotContain(chain, item => item.Keyword == "RUN"); // It is put together from files alone.
        var program = JsonSerializer.Deserialize<string[]>(Last("ENTRYPOINT"))!;
        Assert.StartsWith($"/app/{image.Program}", program[^1], StringComparison.Ordinal);
        var health = Last("HEALTHCHECK");
        Assert.Equal([.. program, "--health"], JsonSerializer.Deserialize<string[]>(health[health.IndexOf('[')..])!);
        Assert.Equal(image.Port.ToString(), Last("EXPOSE").Split(' ')[0]);
    }

    [Theory]
    [MemberData(nameof(Services))]
    public void A_services_image_sets_options_that_the_service_takes(string service)
    {
        var variables = DockerStage.Chain(_stages, service).Where(item => item.Keyword == "ENV")
            .SelectMany(item => item.Value.Split(' ')).Select(pair => pair.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);

        var options = ServiceImage.Named(service).Read(variables.GetValueOrDefault);

        Assert.All(variables.Keys.Where(name => name.StartsWith("FLUX_", StringComparison.Ordinal)),
            name => Assert.Contains(name, ServiceImage.Named(service).Variables));
        Assert.Equal($"http://0.0.0.0:{ServiceImage.Named(service).Port}", options.Address);
    }

    [Fact]
    public void The_orchestrators_image_takes_nothing_from_the_stages_that_hold_libtorch()
    {
        Assert.DoesNotContain(DockerStage.Chain(_stages, "orchestrator"),
            item => item.Value.Contains("publish-models", StringComparison.Ordinal));
        Assert.Contains(DockerStage.Chain(_stages, "denoiser"),
            item => item.Value.Contains("publish-models /torch-native", StringComparison.Ordinal));
    }

    private static IEnumerable<string> Values(IEnumerable<DockerStage> stages, string keyword) =>
        stages.SelectMany(stage => stage.Instructions).Where(item => item.Keyword == keyword).Select(item => item.Value);

    [GeneratedRegex(@"^[\w./-]+:\d+\.\d+[\w.-]*$")]
    private static partial Regex Pinned();
}
