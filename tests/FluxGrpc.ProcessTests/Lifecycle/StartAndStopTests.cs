using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.Lifecycle;

public sealed class StartAndStopTests
{
    private static readonly string[] _models = ["FluxGrpc.TextEncoder", "FluxGrpc.Denoiser", "FluxGrpc.Vae"];

    public static TheoryData<string> Models => [.. _models];

    [Theory]
    [MemberData(nameof(Models))]
    public async Task A_device_that_is_not_there_ends_the_start_and_names_those_there_are(string program)
    {
        await using var service = await ServiceProcess.RunAsync(
            program, "--address", "http://127.0.0.1:0", "--checkpoint", RealServicesFixture.Checkpoint, "--device", "cuda:1");

        Assert.NotEqual(0, service.ExitCode);
        Assert.Contains("device 'cuda:1' is not there; devices of this machine: cpu", service.Output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task A_checkpoint_that_is_not_there_ends_the_start_with_one_line(string program)
    {
        await using var service = await ServiceProcess.RunAsync(
            program, "--address", "http://127.0.0.1:0", "--checkpoint", "/nowhere/at/all", "--device", "cpu");

        Assert.NotEqual(0, service.ExitCode);
        Assert.Contains("/nowhere/at/all", service.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", service.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("FluxGrpc.Denoiser")]
    [InlineData("flux")]
    public async Task A_libtorch_that_is_not_there_is_named_with_what_to_do(string program)
    {
        const string Variable = "FLUX_LIBTORCH";
        string[] arguments = program == "flux"
            ? ["generate", "a star"]
            : ["--address", "http://127.0.0.1:0", "--checkpoint", RealServicesFixture.Checkpoint];
        Environment.SetEnvironmentVariable(Variable, "/nowhere/lib"); // Children inherit it; tests run one after another.
        try
        {
            await using var service = await ServiceProcess.RunAsync(program, arguments);

            Assert.Equal(1, service.ExitCode);
            Assert.Contains("No libtorch.so in '/nowhere/lib'", service.Output, StringComparison.Ordinal);
            Assert.Contains(Variable, service.Output, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Help_shows_the_options(string program)
    {
        await using var service = await ServiceProcess.RunAsync(program, "--help");

        Assert.Equal(0, service.ExitCode);
        Assert.Contains("--checkpoint", service.Output, StringComparison.Ordinal);
        Assert.Contains("_CHECKPOINT", service.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_watches_no_files_of_which_the_system_allows_few()
    {
        if (!OperatingSystem.IsLinux())
            return; // Only there can it be seen from outside.
        await using var service = await ServiceProcess.StartAsync("FluxGrpc.Orchestrator", "--address", "http://127.0.0.1:0");

        var open = new DirectoryInfo($"/proc/{service.ProcessId}/fd").EnumerateFileSystemInfos().Select(entry => entry.LinkTarget ?? "");

        Assert.DoesNotContain(open, target => target.Contains("inotify", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_bad_option_ends_the_start_with_code_2()
    {
        await using var service = await ServiceProcess.RunAsync(
            "FluxGrpc.Denoiser", "--checkpoint", RealServicesFixture.Checkpoint, "--max-sessions", "none");

        Assert.Equal(2, service.ExitCode);
        Assert.Contains("--max-sessions is 'none'", service.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SIGTERM_finishes_the_step_in_hand_and_ends_with_code_0()
    {
        await using var services = await RealServices.StartAsync(
            RealServicesFixture.Checkpoint, orchestratorOptions: ["--tier-wait-seconds", "0"]);
        var client = new ImageGenerationService.ImageGenerationServiceClient(services.Orchestrator.Channel);
        using var call = client.Generate(new GenerateRequest { Prompt = "a blue ring", Steps = 200, Seed = 1, Count = 16 });
        for (var steps = 0; steps == 0;)
        {
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
            steps += call.ResponseStream.Current.EventCase == GenerateResponse.EventOneofCase.Step ? 1 : 0;
        }

        await services.Denoiser.TerminateAsync();

        Assert.Equal(0, services.Denoiser.ExitCode);
        var exception = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
            }
        });
        Assert.Equal(StatusCode.Unavailable, exception.StatusCode);

        foreach (var service in new[] { services.TextEncoder, services.Vae, services.Orchestrator })
        {
            await service.TerminateAsync();
            Assert.Equal(0, service.ExitCode);
        }
    }
}
