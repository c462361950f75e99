using FluxGrpc.Hosting;
using FluxGrpc.Testing.Processes;
using Grpc.Health.V1;
using Xunit;

namespace FluxGrpc.ProcessTests.Lifecycle;

/// <summary>What the supervisors of containers ask: the image's own health command, and grpc.health.v1.</summary>
public sealed class HealthTests
{
    private const string AnyAddress = "http://0.0.0.0";

    [Fact]
    public async Task The_health_command_finds_a_service_that_listens_on_all_addresses_and_tells_whether_it_serves()
    {
        string[] options = ["--checkpoint", RealServicesFixture.Checkpoint, "--device", "cpu", "--max-requests", "1000",
            "--max-pixels", "1000"]; // Twice the same value.
        await using var vae = await ServiceProcess.StartAsync("FluxGrpc.Vae", ["--address", "http://127.0.0.1:0", .. options]);
        await vae.WaitUntilServingAsync();
        options = ["--address", $"{AnyAddress}:{new Uri(vae.Address).Port}", .. options, "--health"];

        await using (var serving = await ServiceProcess.RunAsync("FluxGrpc.Vae", options))
            Assert.Equal((0, "Serving"), (serving.ExitCode, serving.Output));

        await vae.TerminateAsync();
        await using (var gone = await ServiceProcess.RunAsync("FluxGrpc.Vae", options))
            Assert.Equal((1, "Unknown"), (gone.ExitCode, gone.Output));
    }

    [Fact]
    public async Task An_orchestrator_without_services_behind_it_is_alive_and_does_not_serve()
    {
        await using var orchestrator = await ServiceProcess.StartAsync("FluxGrpc.Orchestrator", "--address", "http://127.0.0.1:0",
            "--denoiser", "unix:/nowhere/at/all.sock");
        var health = new Health.HealthClient(orchestrator.Channel);

        var serves = await health.CheckAsync(new HealthCheckRequest());
        var lives = await health.CheckAsync(new HealthCheckRequest { Service = ServiceHost.Liveness });
        await using var command = await ServiceProcess.RunAsync("FluxGrpc.Orchestrator", "--address", orchestrator.Address, "--health");

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.NotServing, serves.Status);
        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, lives.Status);
        Assert.Equal((1, "NotServing"), (command.ExitCode, command.Output));
    }
}
