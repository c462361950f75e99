using FluxGrpc.LocalCluster;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary><c>flux summary</c> and <c>flux info</c>.</summary>
public sealed class DescriptionTests
{
    [Theory]
    [InlineData("seed", "1,026,971,200")]
    [InlineData("dev", "11,901,408,320")]
    [InlineData("schnell", "11,891,178,560")]
    public async Task The_published_sizes_have_the_published_numbers_of_parameters(string preset, string total)
    {
        var run = await FluxProcess.RunAsync("summary", "--preset", preset);

        Assert.True(run.ExitCode == 0, run.Error);
        var last = run.Output.Split('\n').Single(line => line.Contains("total", StringComparison.Ordinal));
        Assert.Contains(total, last, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_parts_have_shapes_for_the_size_asked_for_and_parameters()
    {
        var run = await FluxProcess.RunAsync("summary", "--preset", "seed", "--width", "512", "--height", "256", "--text-tokens", "64");

        var lines = run.Output.Split('\n');
        AssertRow(lines, "img_in", "[1, 512, 64]", "[1, 512, 3072]", "199,680");
        AssertRow(lines, "txt_in", "[1, 64, 4096]", "[1, 64, 3072]", "12,585,984", "1.2 %");
        AssertRow(lines, "double_blocks, 2 blocks", "339,831,296", "x 2", "679,662,592", "66.2 %");
        AssertRow(lines, "linear1", "[1, 576, 3072]", "[1, 576, 21504]", "66,081,792");
        AssertRow(lines, "final_layer.adaLN_modulation", "18,880,512");
    }

    [Fact]
    public async Task The_network_is_drawn_as_a_flowchart()
    {
        var run = await FluxProcess.RunAsync("summary", EmbeddedCheckpoint.Folder, "--mermaid");

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.StartsWith("flowchart TD", run.Output, StringComparison.Ordinal);
        Assert.Contains("single_blocks", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_mini_model_is_described_from_its_headers()
    {
        var run = await FluxProcess.RunAsync("info");

        Assert.True(run.ExitCode == 0, run.Error);
        foreach (var component in new[] { "transformer", "VAE", "T5 encoder", "CLIP text encoder", "dev (guidance)" })
            Assert.Contains(component, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_single_file_is_described()
    {
        var run = await FluxProcess.RunAsync("info", GoldenFolder.PathOf("vae.safetensors"));

        AssertRow(run.Output.Split('\n'), "VAE", "official", "F16", "1,420,547");
    }

    [Fact]
    public async Task What_is_no_checkpoint_is_one_line_and_exit_code_1()
    {
        var run = await FluxProcess.RunAsync("info", GoldenFolder.PathOf("configs.json"));

        Assert.Equal(1, run.ExitCode);
        Assert.Single(run.Error.Split('\n'));
    }

    private static void AssertRow(IEnumerable<string> lines, string module, params string[] cells)
    {
        var row = Assert.Single(lines, line => line.Contains($"│ {module} ", StringComparison.Ordinal)
            || line.Contains($"│   {module} ", StringComparison.Ordinal));
        foreach (var cell in cells)
            Assert.Contains(cell, row, StringComparison.Ordinal);
    }
}
