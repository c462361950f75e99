using FluxGrpc.Channels;
using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Core;
using Grpc.Health.V1;
using Xunit;

namespace FluxGrpc.ProcessTests.Security;

/// <summary>Who gets at the internal services: the orchestrator, and nobody else.</summary>
[Collection(SecuredServicesTests.Name)]
public sealed class MutualTlsTests(SecuredServices services)
{
    private static readonly string[] _models = ["text-encoder", "denoiser", "vae"];

    public static TheoryData<string> Models => [.. _models];

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Nobody_without_a_certificate_gets_in(string model) =>
        await AssertRefusedAsync(model, new ChannelSecurity { CaFile = services.CaFile }, StatusCode.Unavailable);

    [Theory]
    [MemberData(nameof(Models))]
    public async Task A_certificate_of_another_CA_does_not_help_whatever_name_it_bears(string model) =>
        await AssertRefusedAsync(model, services.Showing("strangers", "orchestrator"), StatusCode.Unavailable);

    [Theory]
    [MemberData(nameof(Models))]
    public async Task The_orchestrators_certificate_does_not_help_when_it_has_expired(string model) =>
        await AssertRefusedAsync(model, services.Showing("pki", "expired"), StatusCode.Unavailable);

    [Theory]
    [MemberData(nameof(Models))]
    public async Task A_callers_certificate_of_the_right_CA_has_no_business_there(string model)
    {
        var refused = await AssertRefusedAsync(model, services.Showing("pki", "client"), StatusCode.PermissionDenied);

        Assert.Equal("CLIENT_NOT_ALLOWED", refused.GetRpcStatus()!.GetDetail<Google.Rpc.ErrorInfo>().Reason);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Plain_text_is_not_understood(string model)
    {
        var address = AddressOf(model).Replace("https://", "http://", StringComparison.Ordinal);

        var refused = await Assert.ThrowsAsync<RpcException>(() => CallAsync(model, services.Connect(address, ChannelSecurity.Default)));

        Assert.NotNull(refused.Status.DebugException); // Not the server's status: there was no call.
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task The_orchestrators_own_certificate_opens_the_door(string model) =>
        await CallAsync(model, services.Connect(AddressOf(model), services.Showing("pki", "orchestrator")));

    [Fact]
    public async Task A_refused_caller_has_no_session_and_no_step_computed()
    {
        var before = await services.StepsDoneAsync();
        foreach (var (folder, name) in new[] { ("strangers", "orchestrator"), ("pki", "expired"), ("pki", "client") })
        {
            var client = new DenoiserService.DenoiserServiceClient(
                services.Connect(services.Denoiser.Address, services.Showing(folder, name)));
            using var call = client.Denoise();
            using var denoise = new DenoiseCall(call);
            await Assert.ThrowsAnyAsync<Exception>(async () =>
            {
                await denoise.SendAsync(new OpenSession { SessionId = "intruder" });
                await denoise.ReadAsync();
            });
        }

        var load = await new DenoiserService.DenoiserServiceClient(services.Denoiser.Channel).GetLoadAsync(new());
        Assert.Equal((before, 0, 0), (load.StepsDone, load.Sessions, load.WaitingSessions));
    }

    [Fact]
    public async Task A_client_does_not_trust_a_server_of_another_CA()
    {
        var strangers = new ChannelSecurity { CaFile = services.Certificate("strangers", "ca"), ApiKey = services.Key };
        var client = new ImageGenerationService.ImageGenerationServiceClient(
            services.Connect(services.Orchestrator.Address, strangers));

        var refused = await Assert.ThrowsAsync<RpcException>(async () => await client.GetStatusAsync(new()));

        Assert.Contains("certificate", refused.Status.DebugException!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Probes_without_a_certificate_have_an_address_for_health_and_nothing_else()
    {
        var channel = services.Connect(services.DenoiserHealth, ChannelSecurity.Default);

        var health = await new Health.HealthClient(channel).CheckAsync(new());

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
        var refused = await Assert.ThrowsAsync<RpcException>(() => CallAsync("denoiser", channel));
        Assert.Equal(StatusCode.Unimplemented, refused.StatusCode);
    }

    [Fact]
    public async Task The_health_command_shows_the_services_own_certificate()
    {
        await using var health = await ServiceProcess.RunAsync("FluxGrpc.Denoiser", "--health", "--checkpoint", "x",
            "--address", services.Denoiser.Address, "--tls-client-ca", services.CaFile,
            "--tls-certificate", services.Certificate("pki", "denoiser"),
            "--tls-key", Path.ChangeExtension(services.Certificate("pki", "denoiser"), ".key"));

        Assert.Equal((0, "Serving"), (health.ExitCode, health.Output));
    }

    [Fact]
    public async Task A_service_without_its_certificate_says_what_it_lacks()
    {
        await using var denoiser = await ServiceProcess.RunAsync("FluxGrpc.Denoiser",
            "--address", "https://127.0.0.1:0", "--checkpoint", RealServicesFixture.Checkpoint,
            "--tls-certificate", services.CaFile, "--tls-key", services.KeysFile);

        Assert.Equal(2, denoiser.ExitCode);
        Assert.Contains("are not a certificate and its key", denoiser.Output, StringComparison.Ordinal);
    }

    private async Task<RpcException> AssertRefusedAsync(string model, ChannelSecurity security, StatusCode status)
    {
        var channel = services.Connect(AddressOf(model), security);
        var refused = await Assert.ThrowsAsync<RpcException>(() => CallAsync(model, channel));
        Assert.Equal(status, refused.StatusCode);
        return refused;
    }

    private string AddressOf(string model) => services.Models[_models.IndexOf(model)].Address;

    private static async Task CallAsync(string model, ChannelBase channel)
    {
        switch (model)
        {
            case "text-encoder":
                await new TextEncoderService.TextEncoderServiceClient(channel).EncodeAsync(new() { Prompt = "a red circle" });
                break;
            case "denoiser":
                await new DenoiserService.DenoiserServiceClient(channel).GetLoadAsync(new());
                break;
            default:
                await new VaeService.VaeServiceClient(channel).GetModelInfoAsync(new());
                break;
        }
    }
}
