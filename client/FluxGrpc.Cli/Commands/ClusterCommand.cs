using System.CommandLine;
using System.Globalization;
using FluxGrpc.LocalCluster;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux cluster</c>: the services as child processes of this one, until Ctrl-C.</summary>
internal static class ClusterCommand
{
    private const int MaxPort = 65_535;
    private const int WebPort = 5080;

    public static Command Create(Terminal terminal)
    {
        var denoisers = new Option<int>("--denoisers")
        {
            Description = "Number of denoisers to begin with.",
            DefaultValueFactory = _ => 1,
        }.Within(1, ProcessCluster.MaxDenoisers);
        var model = SharedOptions.Model();
        var device = SharedOptions.Devices();
        var dtype = SharedOptions.Dtype("auto");
        var kernels = SharedOptions.Kernels();
        var weightDtype = SharedOptions.WeightDtype();
        var port = new Option<int>("--port")
        {
            Description = "Port of the orchestrator on this machine's loopback; 0 takes a free one.",
            DefaultValueFactory = _ => 0,
        }.Within(0, MaxPort);
        var webPort = new Option<int>("--web-port")
        {
            Description = "Port of the web page and the OpenAI-compatible API on this machine's loopback; 0 takes a free one.",
            DefaultValueFactory = _ => WebPort,
        }.Within(0, MaxPort);

        var keys = new Option<FileInfo>("--api-keys")
        {
            Description = "File of API keys, made by flux keys: nobody without one is served. --api-key is then one of them.",
            HelpName = "file",
        };
        keys.AcceptExistingOnly();
        var own = new ServerOptions("");
        var certificate = PemFile("--tls-certificate", "PEM file with the orchestrator's certificate: it speaks TLS then.");
        var certificateKey = PemFile("--tls-key", "PEM file with that certificate's private key.");

        var command = new Command("cluster", "Run the services as processes of their own on this machine; Ctrl-C ends all.")
        {
            denoisers, model, device, dtype, kernels, weightDtype, port, webPort, keys, own.ApiKey, certificate, certificateKey,
            ClusterScaleCommand.Create(terminal), ClusterStatusCommand.Create(terminal),
        };
        command.Validators.Add(result =>
        {
            if ((result.GetResult(certificate) is null) != (result.GetResult(certificateKey) is null))
                result.AddError("--tls-certificate and --tls-key go together");
        });
        command.SetAction((parsed, cancellation) => RunAsync(
            new ProcessClusterOptions
            {
                Checkpoint = parsed.GetValue(model)?.FullName ?? EmbeddedCheckpoint.Folder,
                Denoisers = parsed.GetValue(denoisers),
                Devices = parsed.GetRequiredValue(device).Split(','),
                Dtype = parsed.GetRequiredValue(dtype),
                Kernels = parsed.GetRequiredValue(kernels),
                WeightDtype = parsed.GetRequiredValue(weightDtype),
                Address = Loopback(parsed.GetValue(port), parsed.GetValue(certificate)),
                WebAddress = Loopback(parsed.GetValue(webPort), parsed.GetValue(certificate)),
                ApiKeys = parsed.GetValue(keys)?.FullName ?? "",
                OwnApiKey = parsed.GetValue(keys) is null ? "" : parsed.GetRequiredValue(own.ApiKey),
                TlsCertificate = parsed.GetValue(certificate)?.FullName ?? "",
                TlsKey = parsed.GetValue(certificateKey)?.FullName ?? "",
                Log = terminal.Error.WriteLine,
            },
            terminal, cancellation));
        return command;
    }

    private static string Loopback(int port, FileInfo? certificate) =>
        string.Create(CultureInfo.InvariantCulture, $"{(certificate is null ? "http" : "https")}://localhost:{port}");

    private static Option<FileInfo> PemFile(string name, string description)
    {
        var option = new Option<FileInfo>(name) { Description = description, HelpName = "file" };
        option.AcceptExistingOnly();
        return option;
    }

    private static async Task<int> RunAsync(ProcessClusterOptions options, Terminal terminal, CancellationToken cancellation)
    {
        await using var cluster = await ProcessCluster.StartAsync(options, cancellation);
        foreach (var process in cluster.Describe())
        {
            await terminal.Output.WriteLineAsync(
                string.Create(CultureInfo.InvariantCulture, $"{process.Name}: process {process.ProcessId}"));
        }

        await terminal.Output.WriteLineAsync($"{cluster.Name}: see it with 'flux cluster status', scale it with 'flux cluster scale N'");
        await terminal.Output.WriteLineAsync($"web page at {cluster.WebAddress}");
        await terminal.Output.WriteLineAsync($"orchestrator at {cluster.Address}  (Ctrl-C ends all)");
        try
        {
            throw new CliException(await cluster.WaitForFailureAsync(cancellation));
        }
        catch (OperationCanceledException)
        {
            await terminal.Output.WriteLineAsync("stopping");
            return ExitCode.Success; // Ctrl-C is how it is meant to end.
        }
    }
}
