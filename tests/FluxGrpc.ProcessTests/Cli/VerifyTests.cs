using FluxGrpc.Testing;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary><c>flux verify</c>: says yes to the reference's numbers and no to damaged ones.</summary>
public sealed class VerifyTests(ITestOutputHelper output)
{
    [Fact]
    public async Task The_reference_numbers_are_met_through_the_services()
    {
        var run = await VerifyAsync(GoldenFolder.Path);

        Assert.Equal(0, run.ExitCode);
        Assert.DoesNotContain("FAIL", run.Output, StringComparison.Ordinal);
        foreach (var name in new[]
        {
            "transformer_dev.out", "transformer_schnell.out", "vae.decoded", "vae.moments", "vae.encoded", "t5.last_hidden_state",
            "clip.pooler_output", "tokenizers.t5.spiece_small.model.ids", "tokenizers.t5.t5_small_tokenizer.json.ids",
            "tokenizers.clip.ids",
            "sampling.28_steps.4096_tokens.shifted", "noise.randn.f32.seed42.n1536", "trajectory.pred.3", "trajectory.rgb_u8",
        })
        {
            Assert.EndsWith("ok", VerdictOf(run, name), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Batches_of_other_sizes_are_compared_element_by_element()
    {
        using var reference = new ReferenceCopy(
            "configs.json", "transformer_dev.safetensors", "transformer_dev_io.safetensors", "vae.safetensors", "vae_io.safetensors");
        reference.Rebatch("transformer_dev_io.safetensors", 1, 0, 1);
        reference.Rebatch("vae_io.safetensors", 0, 0);

        var run = await VerifyAsync(reference.Folder);

        Assert.Equal(0, run.ExitCode);
        Assert.EndsWith("ok", VerdictOf(run, "transformer_dev.out"), StringComparison.Ordinal);
        Assert.EndsWith("ok", VerdictOf(run, "vae.logvar"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("transformer_schnell", "final_layer.linear.weight", "transformer_schnell.out")]
    [InlineData("vae", "decoder.conv_out.bias", "vae.decoded")]
    public async Task One_wrong_weight_is_found(string model, string tensor, string compared)
    {
        using var reference = new ReferenceCopy("configs.json", $"{model}.safetensors", $"{model}_io.safetensors");
        ReferenceCopy.FlipLastByteOf(reference.PathOf($"{model}.safetensors"), tensor);

        var run = await VerifyAsync(reference.Folder);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("FAIL", VerdictOf(run, compared), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_wrong_weight_of_a_text_encoder_is_found()
    {
        using var reference = new ReferenceCopy(
            "configs.json", "t5.safetensors", "t5_io.safetensors", "clip.safetensors", "clip_io.safetensors");
        ReferenceCopy.FlipLastByteOf(reference.PathOf("clip.safetensors"), "text_model.final_layer_norm.weight");

        var run = await VerifyAsync(reference.Folder);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("FAIL", VerdictOf(run, "clip.pooler_output"), StringComparison.Ordinal);
        Assert.EndsWith("ok", VerdictOf(run, "t5.last_hidden_state"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Weights_that_cannot_be_read_fail_and_the_rest_is_compared()
    {
        using var reference = new ReferenceCopy("configs.json", "sampling.json", "vae.safetensors", "vae_io.safetensors");
        using (var file = File.Open(reference.PathOf("vae.safetensors"), FileMode.Open))
            file.SetLength(file.Length / 2);

        var run = await VerifyAsync(reference.Folder);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("FAIL", VerdictOf(run, "vae"), StringComparison.Ordinal);
        Assert.EndsWith("ok", VerdictOf(run, "sampling.4_steps.256_tokens.even"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_absent_is_skipped_visibly()
    {
        using var reference = new ReferenceCopy("noise.safetensors");

        var run = await VerifyAsync(reference.Folder);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("skipped (transformer_dev.safetensors is not there)", run.Output, StringComparison.Ordinal);
        Assert.Contains("skipped (sampling.json is not there)", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenizers_are_compared_without_the_folders_models()
    {
        using var reference = new ReferenceCopy("tokenizers");

        var run = await VerifyAsync(reference.Folder);

        Assert.Equal(0, run.ExitCode);
        Assert.EndsWith("ok", VerdictOf(run, "tokenizers.t5.spiece_small.model.ids"), StringComparison.Ordinal);
        Assert.EndsWith("ok", VerdictOf(run, "tokenizers.clip.ids"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_to_compare_is_no_success()
    {
        using var reference = new ReferenceCopy();

        var run = await VerifyAsync(reference.Folder);

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("FAIL: the folder has nothing to compare", run.Output, StringComparison.Ordinal);
    }

    private async Task<FluxProcess> VerifyAsync(string folder)
    {
        var run = await FluxProcess.RunAsync("verify", folder);
        output.WriteLine(run.Output);
        output.WriteLine(run.Error);
        return run;
    }

    /// <summary>The line of an array.</summary>
    private static string VerdictOf(FluxProcess run, string name) =>
        Assert.Single(run.Output.Split('\n'), line => line.StartsWith($"{name} ", StringComparison.Ordinal))
            .Split('(')[0].TrimEnd();
}
