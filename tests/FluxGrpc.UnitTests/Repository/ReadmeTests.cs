using System.Text;
using FluxGrpc.Denoiser;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;
using FluxGrpc.TextEncoder;
using FluxGrpc.Vae;
using Xunit;
using Checkout = FluxGrpc.Testing.Repository;

namespace FluxGrpc.UnitTests.Repository;

/// <summary>The README says what the code says.</summary>
public sealed class ReadmeTests
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
            "\ndotnet run -c Release --project client/FluxGrpc.Cli -- generate \"a large yellow star on a blue background\" --seed 7\n",
            readme, StringComparison.Ordinal);
        Assert.Contains("\ndotnet test FluxGrpc.sln -c Release\n", readme, StringComparison.Ordinal);
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
}
