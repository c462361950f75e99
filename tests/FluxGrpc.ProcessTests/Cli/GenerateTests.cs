using FluxGrpc.LocalCluster;
using Xunit;
using ServiceProcess = FluxGrpc.Testing.Processes.ServiceProcess;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary><c>flux generate</c> on the mini model, services and all; <c>flux replay</c> of what it recorded.</summary>
public sealed class GenerateTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_prompt_becomes_a_png_of_the_size_asked_for_that_tells_how_it_was_made()
    {
        var file = PathOf("out.png");

        var run = await FluxProcess.RunAsync("generate", "a red circle – „rot“ 🔴", "--output", file,
            "--width", "96", "--height", "64", "--steps", "3", "--guidance", "2.5", "--seed", "42");

        Assert.True(run.ExitCode == 0, run.Error);
        var png = PngFile.Read(file);
        Assert.Equal((96, 64), (png.Width, png.Height));
        Assert.Equal("a red circle – „rot“ 🔴", png.Texts["prompt"]);
        Assert.Equal(("42", "3", "2.5"), (png.Texts["seed"], png.Texts["steps"], png.Texts["guidance"]));
        Assert.NotEmpty(png.Texts["model"]);
        Assert.Contains("step 3/3", run.Output, StringComparison.Ordinal);
        Assert.Contains($"{file}: 96 x 64, 3 steps, seed 42", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_pictures_are_numbered_and_have_seeds_of_their_own()
    {
        var run = await FluxProcess.RunAsync(
            "generate", "a blue square", "--output", PathOf("out.png"),
            "--width", "64", "--height", "64", "--steps", "1", "--seed", "7", "--count", "2");

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(["out-1.png", "out-2.png"], _folder.GetFiles().Select(file => file.Name).Order());
        Assert.Equal(("7", "8"), (PngFile.Read(PathOf("out-1.png")).Texts["seed"], PngFile.Read(PathOf("out-2.png")).Texts["seed"]));
    }

    [Fact]
    public async Task The_same_request_gives_the_same_bytes()
    {
        string[] request = ["generate", "a green triangle", "--width", "64", "--height", "64", "--steps", "2", "--seed", "1"];

        await FluxProcess.RunAsync([.. request, "--output", PathOf("one.png")]);
        await FluxProcess.RunAsync([.. request, "--output", PathOf("two.png")]);

        Assert.Equal(File.ReadAllBytes(PathOf("one.png")), File.ReadAllBytes(PathOf("two.png")));
    }

    [Fact]
    public async Task A_picture_is_made_again_from_its_own_metadata()
    {
        await FluxProcess.RunAsync("generate", "a green triangle", "--output", PathOf("one.png"), "--width", "64", "--height", "80",
            "--seed", "1", "--sampler", "heun", "--sigmas", "1", "0.8", "0.3", "0", "--negative-prompt", "a red circle", "--guidance", "2");

        var run = await FluxProcess.RunAsync("generate", "--from", PathOf("one.png"), "--output", PathOf("two.png"));

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(File.ReadAllBytes(PathOf("one.png")), File.ReadAllBytes(PathOf("two.png")));

        run = await FluxProcess.RunAsync("generate", "--from", PathOf("one.png"), "--output", PathOf("three.webp"), "--seed", "2");

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("seed 2", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_picture_can_be_started_from()
    {
        await FluxProcess.RunAsync(
            "generate", "a green triangle", "--output", PathOf("one.jpg"), "--width", "64", "--height", "80", "--steps", "2");

        var run = await FluxProcess.RunAsync("generate", "a red circle", "--init-image", PathOf("one.jpg"), "--strength", "0.5",
            "--steps", "4", "--output", PathOf("two.png"));

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("64 x 80, 2 steps", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("out.bmp", "--seed", "1", "has no type that can be written")]
    [InlineData("out.png", "--sampler", "magic", "'magic' not recognized")]
    [InlineData("out.png", "--from", "missing.png", "does not exist")]
    public async Task What_cannot_be_done_is_told(string output, string option, string value, string message)
    {
        var run = await FluxProcess.RunAsync("generate", "x", "--output", PathOf(output), option, value);

        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cut_prompt_is_told()
    {
        var prompt = string.Concat(Enumerable.Repeat("a red circle and ", 500)) + "the end";

        var run = await FluxProcess.RunAsync(
            "generate", prompt, "--output", PathOf("out.png"), "--width", "64", "--height", "64", "--steps", "1");

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("warning: the prompt has", run.Error, StringComparison.Ordinal);
        Assert.Contains("it did not see: ", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--width 17", "width is 17")]
    [InlineData("--steps 0", "steps is 0")]
    [InlineData("--guidance NaN", "guidance is NaN")]
    [InlineData("--count 1000", "count is 1000")]
    public async Task What_the_server_refuses_is_one_line_and_exit_code_1(string options, string expected)
    {
        var run = await FluxProcess.RunAsync(["generate", "a cat", "--output", PathOf("out.png"), .. options.Split(' ')]);

        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith("flux: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n'));
        Assert.Empty(_folder.GetFiles());
    }

    [Fact]
    public async Task A_checkpoint_that_cannot_be_read_is_one_line_and_exit_code_1()
    {
        var run = await FluxProcess.RunAsync("generate", "a cat", "--model", _folder.FullName, "--output", PathOf("out.png"));

        Assert.Equal(1, run.ExitCode);
        Assert.Contains(_folder.FullName, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n'));
    }

    [Fact]
    public async Task Ctrl_C_ends_it_with_exit_code_130_and_no_file()
    {
        await using var run = FluxProcess.Start(
            "generate", "a cat", "--output", PathOf("out.png"), "--width", "1024", "--height", "1024", "--steps", "200");
        await run.WaitForLineAsync("step 1/200");

        run.Interrupt();
        await run.WaitForExitAsync();

        Assert.Equal(130, run.ExitCode);
        Assert.Equal("flux: cancelled", run.Error.Split('\n')[^1]);
        Assert.Empty(_folder.GetFiles());
    }

    [Fact]
    public async Task A_recording_is_replayed_bit_for_bit_by_another_process()
    {
        var recording = PathOf("session.safetensors");
        var generate = await FluxProcess.RunAsync("generate", "a cat", "--output", PathOf("out.png"), "--width", "64", "--height", "96",
            "--steps", "3", "--seed", "5", "--dtype", "float32", "--record", recording);
        Assert.True(generate.ExitCode == 0, generate.Error);
        await using var denoiser = await StartDenoiserAsync();

        var replay = await FluxProcess.RunAsync("replay", recording, "--server", denoiser.Address);

        Assert.True(replay.ExitCode == 0, replay.Output + replay.Error);
        Assert.Contains("equal: 3 of 3 steps bit for bit", replay.Output, StringComparison.Ordinal);
        Assert.Empty(replay.Error);
    }

    [Fact]
    public async Task A_recording_that_was_changed_is_not_equal()
    {
        var recording = PathOf("session.safetensors");
        await FluxProcess.RunAsync("generate", "a cat", "--output", PathOf("out.png"), "--width", "64", "--height", "64",
            "--steps", "1", "--dtype", "float32", "--record", recording);
        ReferenceCopy.FlipLastByteOf(recording, "velocity.0");
        await using var denoiser = await StartDenoiserAsync();

        var replay = await FluxProcess.RunAsync("replay", recording, "--server", denoiser.Address);

        Assert.Equal(1, replay.ExitCode);
        Assert.StartsWith("FAIL: 1 of 1 steps are not equal bit for bit", replay.Output.Split('\n')[^1], StringComparison.Ordinal);
    }

    private static async Task<ServiceProcess> StartDenoiserAsync()
    {
        var denoiser = await ServiceProcess.StartAsync("FluxGrpc.Denoiser", "--address", "http://127.0.0.1:0",
            "--checkpoint", EmbeddedCheckpoint.Folder, "--device", "cpu", "--dtype", "float32");
        await denoiser.WaitUntilServingAsync();
        return denoiser;
    }

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);
}
