using System.Text;
using System.Text.RegularExpressions;
using FluxGrpc.Denoiser;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;
using FluxGrpc.TextEncoder;
using FluxGrpc.Vae;
using Xunit;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.UnitTests.Repository;

/// <summary>The README says what the code says.</summary>
public sealed partial class ReadmeTests
{
    private const string Start = "<!-- options -->\n";
    private const string End = "<!-- /options -->";

    [Fact]
    public void The_table_of_options_is_that_of_the_code()
    {
        var readme = File.ReadAllText(Checkout.PathOf("README.md"));
        var start = readme.IndexOf(Start, StringComparison.Ordinal) + Start.Length;
        var table = readme[start..readme.IndexOf(End, StringComparison.Ordinal)];
        var expected = ExpectedTable();

        if (table != expected)
        {
            var generated = Checkout.PathOf("artifacts", "README.options.md");
            File.WriteAllText(generated, expected);
            Assert.Fail($"README.md: put {generated} between the options' markers");
        }
    }

    [Fact]
    public void The_two_commands_are_there_to_the_letter()
    {
        var readme = File.ReadAllText(Checkout.PathOf("README.md"));

        Assert.Contains(
            "\nclient/flux generate \"a large yellow star in the center on a blue background\" --seed 7\n",
            readme, StringComparison.Ordinal);
        Assert.Contains("\ndotnet test FluxGrpc.sln -c Release\n", readme, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_method_of_the_contracts_has_an_example_for_grpcurl()
    {
        var readme = File.ReadAllText(Checkout.PathOf("README.md"));
        var methods = (
            from file in Directory.EnumerateFiles(Checkout.PathOf("protos"), "*_service.proto", SearchOption.AllDirectories)
            let text = File.ReadAllText(file)
            let service = $"{Package().Match(text).Groups[1].Value}.{Service().Match(text).Groups[1].Value}"
            from Match method in Method().Matches(text)
            select $"{service}/{method.Groups[1].Value}").ToArray();

        Assert.Contains("flux.v1.DenoiserService/Denoise", methods);
        Assert.All(methods, method => Assert.Matches($@"\ngrpcurl .*{Regex.Escape(method)}\b", readme));
    }

    private static string ExpectedTable()
    {
        var text = new StringBuilder();
        Append(text, "Text encoder", new OptionsReader<TextEncoderOptions>(TextEncoderServer.Name).Describe());
        Append(text, "Denoiser", new OptionsReader<DenoiserOptions>(DenoiserServer.Name).Describe());
        Append(text, "VAE", new OptionsReader<VaeOptions>(VaeServer.Name).Describe());
        Append(text, "Orchestrator", new OptionsReader<OrchestratorOptions>(OrchestratorServer.Name).Describe());
        return text.ToString();
    }

    private static void Append(StringBuilder text, string service, IEnumerable<OptionDescription> options)
    {
        text.Append('\n').Append("### ").Append(service).Append("\n\n| option | environment | default | |\n|---|---|---|---|\n");
        foreach (var option in options)
        {
            text.Append("| `").Append(option.Switch).Append("` | `").Append(option.Variable).Append("` | ")
                .Append(option.Default.Length == 0 ? "" : $"`{option.Default}`").Append(" | ").Append(option.Description).Append(" |\n");
        }

        text.Append('\n');
    }

    [GeneratedRegex(@"^package ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Package();

    [GeneratedRegex(@"^service (\w+) ", RegexOptions.Multiline)]
    private static partial Regex Service();

    [GeneratedRegex(@"^  rpc (\w+)\(", RegexOptions.Multiline)]
    private static partial Regex Method();
}
