using System.Diagnostics;
using FluxGrpc.ProcessTests.Cli;
using FluxGrpc.ProcessTests.Clients;
using FluxGrpc.ProcessTests.Web;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.ProcessTests.Security;

/// <summary>Everybody's way to an orchestrator that speaks TLS and asks for a key: Python, Node, a browser.</summary>
[Collection(SecuredServicesTests.Name)]
public sealed class ClientTests(SecuredServices services) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PythonFact]
    public Task Python_draws_with_a_key_over_TLS_and_not_without() => DrawAsync(ClientProgram.Python);

    [Clients.NodeFact]
    public Task Node_draws_with_a_key_over_TLS_and_not_without() => DrawAsync(ClientProgram.Node);

    [BrowserFact]
    public Task The_page_asks_for_the_key() => WebScript.RunAsync("key.test.js", new Dictionary<string, string>
    {
        ["FLUX_TEST_WEB"] = services.Orchestrator.WebAddress,
        ["FLUX_TEST_KEY"] = services.Key,
        ["CHROMIUM"] = BrowserFactAttribute.Chromium!,
    });

    [Fact]
    public async Task A_cluster_of_ones_own_can_be_locked_too()
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "flux.dll"), "cluster", "--web-port", "0",
            "--api-keys", services.KeysFile, "--tls-certificate", services.Certificate("pki", "orchestrator"),
            "--tls-key", Path.ChangeExtension(services.Certificate("pki", "orchestrator"), ".key")]);
        start.Environment["XDG_RUNTIME_DIR"] = _folder.Path;
        start.Environment["FLUX_API_KEY"] = services.Key;
        await using var cluster = FluxProcess.Start(start);
        var address = (await cluster.WaitForLineAsync("orchestrator at ")).Split(' ')[2];

        await using var status = await FluxProcess.RunInAsync(
            _folder.Path, "cluster", "status", "--once", "--api-key", services.Key, "--ca", services.CaFile);
        await using var refused = await FluxProcess.RunInAsync(_folder.Path, "info", "--server", address, "--ca", services.CaFile);
        cluster.Interrupt();
        await cluster.WaitForExitAsync();

        Assert.StartsWith("https://", address, StringComparison.Ordinal);
        Assert.Contains("0 waiting", status.Output, StringComparison.Ordinal); // Which the orchestrator knows alone.
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("An API key is needed", refused.Error, StringComparison.Ordinal);
    }

    private async Task DrawAsync(ClientProgram program)
    {
        var output = _folder.PathOf("out.png");
        await using var drawing = await RunAsync(program, output, services.Key);
        await using var refused = await RunAsync(program, _folder.PathOf("no.png"), key: "");

        Assert.True(drawing.ExitCode == 0, drawing.Error);
        Assert.True(File.Exists(output));
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("An API key is needed", refused.Error, StringComparison.Ordinal);
    }

    private async Task<FluxProcess> RunAsync(ClientProgram program, string output, string key)
    {
        var start = program.Generate("a red circle", "--server", services.Orchestrator.Address, "--ca", services.CaFile,
            "--width", "64", "--height", "64", "--steps", "1", "--output", output);
        start.Environment["FLUX_API_KEY"] = key;
        var process = FluxProcess.Start(start);
        await process.WaitForExitAsync();
        return process;
    }
}
