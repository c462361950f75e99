using System.Diagnostics;
using System.Globalization;
using FluxGrpc.ProcessTests.Cli;
using FluxGrpc.V1;
using Google.Protobuf;
using SkiaSharp;
using Xunit;

namespace FluxGrpc.ProcessTests.Clients;

/// <summary>What a client in any language has to do, run against the real services.</summary>
internal sealed class ClientScenarios(RealServicesFixture fixture, ClientProgram program) : IDisposable
{
    /// <summary>A prompt beyond ASCII and beyond 16 bits.</summary>
    public const string Prompt = "a red circle – „rot“ 🔴";

    /// <summary>A seed that no double holds.</summary>
    public const ulong LargeSeed = ulong.MaxValue - 5;


    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-test-");

    /// <summary>Two pictures, with all that is usual said.</summary>
    public static GenerateRequest TwoPictures => new()
    {
        Prompt = Prompt,
        Width = 96,
        Height = 64,
        Steps = 3,
        Guidance = 2.5f,
        Seed = LargeSeed,
        Count = 2,
    };

    public void Dispose() => _folder.Delete(recursive: true);

    public async Task DrawTheBytesOfTheCSharpClient()
    {
        var expected = await fixture.DrawAsync(TwoPictures);

        var run = await RunAsync(program.Generate(Prompt, "--server", Server, "--output", PathOf("out.png"), "--width", "96",
            "--height", "64", "--steps", "3", "--guidance", "2.5", "--seed", Text(LargeSeed), "--count", "2"));

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("image 2/2, step 3/3", run.Output, StringComparison.Ordinal);
        Assert.Equal(expected[0], File.ReadAllBytes(PathOf("out-1.png")));
        Assert.Equal(expected[1], File.ReadAllBytes(PathOf("out-2.png")));
    }

    public async Task EditAPictureAsTheCSharpClientDoes()
    {
        var picture = PathOf("in.png");
        var start = await fixture.DrawAsync(new GenerateRequest { Prompt = Prompt, Width = 96, Height = 64, Steps = 2, Seed = 1 });
        await File.WriteAllBytesAsync(picture, start[0]);
        var expected = await fixture.DrawAsync(new GenerateRequest
        {
            Prompt = "a blue square",
            InitImage = ByteString.CopyFrom(start[0]),
            Strength = 0.75f,
            Steps = 4,
            Seed = 2,
            Sampler = Sampler.Dpmpp2M,
            NegativePrompt = "a circle",
            Format = ImageFormat.Webp,
        });

        var run = await RunAsync(program.Generate("a blue square", "--server", Server, "--output", PathOf("out.webp"), "--steps", "4",
            "--seed", "2", "--init-image", picture, "--strength", "0.75", "--sampler", "dpmpp_2m", "--negative-prompt", "a circle"));

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal(expected[0], File.ReadAllBytes(PathOf("out.webp")));
    }

    public async Task DrawAlongTimestepsOfTheCallersOwnAndAgainFromThePicture()
    {
        var expected = await fixture.DrawAsync(new GenerateRequest
        {
            Prompt = Prompt,
            Width = 96,
            Height = 64,
            Seed = LargeSeed,
            Count = 2,
            Sampler = Sampler.Heun,
            Sigmas = { 1, 0.4f, 0 },
            NegativePrompt = "a „blue“ square",
            TrueCfgScale = 3,
        });

        var run = await RunAsync(program.Generate(Prompt, "--server", Server, "--output", PathOf("out.png"), "--width", "96",
            "--height", "64", "--seed", Text(LargeSeed), "--count", "2", "--sampler", "heun", "--sigmas", "1,0.4,0",
            "--negative-prompt", "a „blue“ square", "--true-cfg-scale", "3"));
        var again = await RunAsync(program.Generate("--from", PathOf("out-2.png"), "--server", Server, "--output", PathOf("again.png")));
        var other = await RunAsync(program.Generate(
            "--from", PathOf("out-2.png"), "--seed", Text(LargeSeed), "--server", Server, "--output", PathOf("other.png")));

        Assert.True(run.ExitCode == 0, run.Error);
        Assert.True(again.ExitCode == 0, again.Error);
        Assert.True(other.ExitCode == 0, other.Error);
        Assert.Equal(expected[1], File.ReadAllBytes(PathOf("out-2.png")));
        Assert.Equal(expected[1], File.ReadAllBytes(PathOf("again.png")));
        Assert.Equal(expected[0], File.ReadAllBytes(PathOf("other.png")));
    }

    public async Task SayWhatTheServerRefuses()
    {
        var run = await RunAsync(program.Generate(
            "a cat", "--server", Server, "--output", PathOf("out.png"), "--width", "17", "--steps", "0"));

        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith("generate: width is 17; allowed: multiples of 16", run.Error, StringComparison.Ordinal);
        Assert.Contains("steps is 0", run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n'));
        Assert.Empty(_folder.GetFiles());
    }

    public async Task FreeTheDenoiserAtCtrlC()
    {
        await using var run = FluxProcess.Start(program.Generate(
            "a cat", "--server", Server, "--output", PathOf("out.png"), "--width", "512", "--height", "512", "--steps", "200"));
        await run.WaitForLineAsync("step 1/200");
        await fixture.WaitForSessionsAsync(1);

        run.Interrupt();
        await run.WaitForExitAsync();

        Assert.Equal(130, run.ExitCode);
        Assert.Equal("generate: cancelled", run.Error);
        Assert.Empty(_folder.GetFiles());
        await fixture.WaitForSessionsAsync(0);
    }

    /// <summary>With the orchestrator's noise and method the picture is the orchestrator's, but for the last bits of the noise.</summary>
    public async Task DrawWithASamplerOfItsOwn()
    {
        foreach (var sampler in new[] { Sampler.Euler, Sampler.Heun })
        {
            var expected = await fixture.DrawAsync(new GenerateRequest
            {
                Prompt = Prompt,
                Width = 96,
                Height = 64,
                Steps = 4,
                Seed = LargeSeed,
                Sampler = sampler,
            });

            var picture = await DrawByItselfAsync(sampler.ToString().ToLowerInvariant(), steps: 4);

            Assert.InRange(LargestDifference(expected[0], picture), 0, 1);
        }
    }

    private string Server => fixture.Services.Orchestrator.Address;

    private async Task<byte[]> DrawByItselfAsync(string sampler, int steps)
    {
        var services = fixture.Services;
        var run = await RunAsync(program.OwnSampler(
            Prompt, "--text-encoder", services.TextEncoder.Address, "--denoiser", services.Denoiser.Address, "--vae", services.Vae.Address,
            "--width", "96", "--height", "64", "--steps", Text(steps), "--seed", Text(LargeSeed), "--sampler", sampler,
            "--output", PathOf($"{sampler}.png")));
        Assert.True(run.ExitCode == 0, run.Error);
        return await File.ReadAllBytesAsync(PathOf($"{sampler}.png"));
    }

    private static async Task<FluxProcess> RunAsync(ProcessStartInfo start)
    {
        await using var process = FluxProcess.Start(start);
        await process.WaitForExitAsync();
        return process;
    }

    private static int LargestDifference(byte[] one, byte[] other)
    {
        using var first = SKBitmap.Decode(one);
        using var second = SKBitmap.Decode(other);
        return first.Bytes.Zip(second.Bytes, (x, y) => Math.Abs(x - y)).Max();
    }

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);
}
