using System.Text;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.ProcessTests.Web;

/// <summary>The web front of the real program: leaving, stopping, an address that is taken.</summary>
[Collection(RealServicesTests.Name)]
public sealed class WebFrontTests(RealServicesFixture fixture) : IDisposable
{
    private const string Generate = "/api/generate";

    private readonly HttpClient _http = new() { BaseAddress = new Uri(fixture.Services.Orchestrator.WebAddress) };

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task A_browser_that_leaves_frees_the_denoiser()
    {
        using var leaving = new CancellationTokenSource();
        const string Long = """{"prompt": "a blue ring", "width": 512, "height": 512, "steps": 200, "count": 4}""";
        using (var response = await BeginAsync(_http, Long, leaving.Token))
        {
            using var events = await EventsOf(response);
            await ReadUntilAsync(events, "event: step");
            Assert.InRange((await fixture.Denoiser.GetLoadAsync(new())).Sessions, 1, 4);
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10)); // Undisturbed, the request would take far longer.
        while ((await fixture.Denoiser.GetLoadAsync(new(), cancellationToken: patience.Token)).Sessions > 0)
            await Task.Yield();
        while ((await fixture.Orchestrator.GetStatusAsync(new(), cancellationToken: patience.Token)).Generations > 0)
            await Task.Yield();
    }

    [Fact]
    public async Task What_is_in_hand_is_finished_when_the_orchestrator_is_told_to_stop()
    {
        await using var orchestrator = await StartOrchestratorAsync("http://127.0.0.1:0");
        using var http = new HttpClient { BaseAddress = new Uri(orchestrator.WebAddress) };
        using var response = await BeginAsync(http, """{"prompt": "a blue ring", "steps": 12, "width": 128, "height": 128}""", default);
        using var events = await EventsOf(response);
        await ReadUntilAsync(events, "event: step");

        await orchestrator.TerminateAsync();

        await ReadUntilAsync(events, "event: finished");
        Assert.Equal(0, orchestrator.ExitCode);
    }

    [Fact]
    public async Task An_address_that_is_taken_ends_the_start_and_is_named()
    {
        var exception = await Assert.ThrowsAsync<InvalidOperationException>(
            () => StartOrchestratorAsync(fixture.Services.Orchestrator.WebAddress));

        Assert.Contains($"orchestrator: Failed to bind to address {fixture.Services.Orchestrator.WebAddress}: address already in use.",
            exception.Message, StringComparison.Ordinal); // Anywhere: the log comes by another pipe.
    }

    [Fact]
    public async Task It_can_be_switched_off()
    {
        await using var orchestrator = await StartOrchestratorAsync("none");

        Assert.Equal("", orchestrator.WebAddress);
        var client = new ImageGenerationService.ImageGenerationServiceClient(orchestrator.Channel);
        Assert.NotEqual("", (await client.GetModelInfoAsync(new())).ModelName);
    }

    private async Task<ServiceProcess> StartOrchestratorAsync(string webAddress) => await ServiceProcess.StartAsync(
        "FluxGrpc.Orchestrator", "--address", "http://127.0.0.1:0", "--web-address", webAddress,
        "--text-encoder", fixture.Services.TextEncoder.Address, "--denoiser", fixture.Services.Denoiser.Address,
        "--vae", fixture.Services.Vae.Address);

    private static Task<HttpResponseMessage> BeginAsync(HttpClient http, string json, CancellationToken cancellation)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, Generate)
        {
            Content = new StringContent(json, Encoding.UTF8, "application/json"),
        };
        return http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    private static async Task<StreamReader> EventsOf(HttpResponseMessage response) =>
        new(await response.Content.ReadAsStreamAsync());

    private static async Task ReadUntilAsync(StreamReader events, string line)
    {
        while (await events.ReadLineAsync() is { } read)
        {
            if (read == line)
                return;
        }

        throw new InvalidOperationException($"The stream ended before '{line}'");
    }
}
