using System.CommandLine;
using System.Security.Cryptography;
using FluxGrpc.Cli.Certificates;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux certificates</c>: a test authority, and a certificate of it for each service.</summary>
internal static class CertificatesCommand
{
    private const int LongestDays = 3650;
    private const int DefaultDays = 90;

    public static Command Create(Terminal terminal)
    {
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = "Folder for the PEM files, and settings that use them. One that has ca.crt and ca.key keeps them: certificates "
                + "are then renewed.",
            HelpName = "folder",
            Required = true,
        };
        var hosts = new Option<string[]>("--host")
        {
            Description = "A DNS name or IP address by which the services are reached, beside localhost; several may be given.",
            HelpName = "name",
            DefaultValueFactory = _ => [],
        };
        hosts.Validators.Add(result =>
        {
            foreach (var host in result.GetValueOrDefault<string[]>() ?? [])
            {
                if (Uri.CheckHostName(host) == UriHostNameType.Unknown)
                    result.AddError($"--host '{host}' is not a DNS name or IP address");
                else if (host.EndsWith(ServiceCertificates.InternalDomain, StringComparison.OrdinalIgnoreCase))
                    result.AddError($"--host '{host}' is a name of the services' own ({ServiceCertificates.InternalDomain})");
            }
        });
        var days = new Option<int>("--days")
        {
            Description = "Days for which the certificates count; the authority's counts for ten years.",
            DefaultValueFactory = _ => DefaultDays,
        }.Within(1, LongestDays);
        var command = new Command("certificates", "Make a test CA, and a certificate of it for each service, for TLS and mutual TLS.")
        {
            output, hosts, days,
        };
        command.SetAction(async (parsed, _) =>
        {
            var folder = parsed.GetRequiredValue(output).FullName;
            try
            {
                var files = ServiceCertificates.Write(folder, parsed.GetRequiredValue(hosts),
                    TimeSpan.FromDays(parsed.GetValue(days)), TimeProvider.System.GetUtcNow());
                await terminal.Output.WriteLineAsync($"{folder}: {string.Join(' ', files)}");
                return ExitCode.Success;
            }
            catch (Exception exception) when (exception is CryptographicException or IOException or UnauthorizedAccessException)
            {
                throw new CliException($"{folder}: {exception.Message}");
            }
        });
        return command;
    }
}
