using System.CommandLine;
using FluxGrpc.Channels;
using FluxGrpc.Client;

namespace FluxGrpc.Cli.Commands;

/// <summary>
/// The options of a command that talks to a server: where it is, and what the two show each other. What is the same for each command
/// may come from the environment, which is also the better place for a key: other users see command lines.
/// </summary>
internal sealed class ServerOptions(string description)
{
    private const string KeyVariable = "FLUX_API_KEY";
    private const string CaVariable = "FLUX_CA";
    private const string CertificateVariable = "FLUX_CERTIFICATE";
    private const string KeyFileVariable = "FLUX_KEY";

    /// <summary><c>--server</c>.</summary>
    public Option<ServiceAddress?> Address { get; } = SharedOptions.Server(description);

    /// <summary><c>--api-key</c>.</summary>
    public Option<string> ApiKey { get; } = Text("--api-key", "key", "API key for the server.", KeyVariable);

    /// <summary><c>--ca</c>.</summary>
    public Option<string> Ca { get; } = Text(
        "--ca", "file", "PEM file with the CAs that the server's certificate may come from, instead of the system's.", CaVariable);

    /// <summary><c>--certificate</c>.</summary>
    public Option<string> Certificate { get; } = Text(
        "--certificate", "file", "PEM file with the certificate to show to the server (mutual TLS).", CertificateVariable);

    /// <summary><c>--key</c>.</summary>
    public Option<string> Key { get; } = Text("--key", "file", "PEM file with that certificate's private key.", KeyFileVariable);

    /// <summary>Gives a command these options.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { Address, ApiKey, Ca, Certificate, Key })
            command.Add(option);
    }

    /// <summary>What was given; null where no server is named.</summary>
    public FluxClientOptions? Read(ParseResult parsed)
    {
        if (parsed.GetValue(Address) is not { } address)
            return null;
        var options = Read(parsed, address);
        options.CertificateFile = address.IsTls ? parsed.GetRequiredValue(Certificate) : Given(parsed, Certificate);
        options.KeyFile = address.IsTls ? parsed.GetRequiredValue(Key) : Given(parsed, Key);
        return options;
    }

    /// <summary>The key and the CA that were given, for a server that the user need not name.</summary>
    public FluxClientOptions Read(ParseResult parsed, ServiceAddress address) => new()
    {
        Address = address.ToString(),
        ApiKey = parsed.GetRequiredValue(ApiKey),
        CaFile = address.IsTls ? parsed.GetRequiredValue(Ca) : Given(parsed, Ca),
    };

    /// <summary>The words of another command line for the same server, without the key.</summary>
    public IEnumerable<string> Repeat(ParseResult parsed)
    {
        yield return Address.Name;
        yield return parsed.GetValue(Address)!.ToString();
        foreach (var option in new[] { Ca, Certificate, Key })
        {
            if (Given(parsed, option) is not { Length: > 0 } value)
                continue;
            yield return option.Name;
            yield return value;
        }
    }

    /// <summary>What the command line says, whatever the environment does.</summary>
    private static string Given(ParseResult parsed, Option<string> option) =>
        parsed.GetResult(option) is { Implicit: false } ? parsed.GetRequiredValue(option) : "";

    private static Option<string> Text(string name, string help, string description, string variable) => new(name)
    {
        Description = $"{description} Default: ${variable}.",
        HelpName = help,
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(variable) ?? "",
    };
}
