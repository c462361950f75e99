using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FluxGrpc.Channels;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Hosting;

/// <summary>What every service can be told. Names on the command line and in the environment: <see cref="OptionsReader{T}"/>.</summary>
public abstract class ServiceOptions : IValidatableObject
{
    /// <summary>Stands for no metrics in <see cref="MetricsAddress"/>.</summary>
    public const string NoMetrics = "none";

    private const string NamePattern = @"(\*|(\*\.)?[A-Za-z0-9._-]+)";

    /// <summary>Where to listen; see <see cref="ServiceAddress"/>. Port 0 takes a free port and prints it.</summary>
    [Required]
    [Description("Address to listen on: http://host:port (port 0: any free one), https://host:port or unix:/path/of.sock.")]
    public string Address { get; set; } = "";

    /// <summary>Largest message in bytes that is received.</summary>
    [Range(1 << 20, int.MaxValue)]
    [Description("Largest message received, in bytes.")]
    public int MaxMessageBytes { get; set; } = 256 << 20;

    /// <summary>Seconds that calls in flight get to end when the service is told to stop.</summary>
    [Range(0, 3600)]
    [Description("Seconds that calls in flight get to end at SIGTERM.")]
    public int ShutdownSeconds { get; set; } = 30;

    /// <summary>Least severe messages of its log, which goes to standard error.</summary>
    [EnumDataType(typeof(LogLevel), ErrorMessage = "LogLevel must be one of Trace, Debug, Information, Warning, Error, Critical, None")]
    [Description("Least severe log messages, on standard error: Debug, Information, Warning, Error, None.")]
    public LogLevel LogLevel { get; set; } = LogLevel.Information;

    /// <summary>How the log is written.</summary>
    [EnumDataType(typeof(LogFormat), ErrorMessage = "LogFormat must be Text or Json")]
    [Description("Text: a line a message. Json: an object a message, with the ids of request and trace.")]
    public LogFormat LogFormat { get; set; } = LogFormat.Text;

    /// <summary>Where Prometheus finds the metrics, over HTTP/1.1.</summary>
    [Required]
    [Description("Address of Prometheus' endpoint, /metrics (HTTP/1.1, not protected; port 0: any free one), or none.")]
    public string MetricsAddress { get; set; } = NoMetrics;

    /// <summary>Where traces, metrics and logs are sent; empty sends none.</summary>
    [FallbackVariable("OTEL_EXPORTER_OTLP_ENDPOINT")]
    [Description("Where traces, metrics and logs are sent by OTLP: http://collector:4317. Unset: OTEL_EXPORTER_OTLP_ENDPOINT, "
        + "and where that is unset, nowhere.")]
    public string OtlpEndpoint { get; set; } = "";

    /// <summary>
    /// Stop when standard input ends: whoever started the service holds it open, and the system closes it when that program ends.
    /// Ctrl-C is left to that program then.
    /// </summary>
    [Description("Stop when standard input ends (with the program that started the service) instead of at Ctrl-C.")]
    public bool ExitWithParent { get; set; }

    /// <summary>JSON file with settings; see <see cref="OptionsReader{T}"/>.</summary>
    [Description("JSON file with settings, which environment and command line override; where it is not named it may be missing.")]
    public string Settings { get; set; } = "appsettings.json";

    /// <summary>The service's certificate, for https addresses; followed while it changes, as its key.</summary>
    [Description("PEM file with the certificate (and those between it and its CA) of https addresses. Renewed files count for the "
        + "next connection.")]
    public string TlsCertificate { get; set; } = "";

    /// <summary>Private key of <see cref="TlsCertificate"/>.</summary>
    [Description("PEM file with the certificate's private key.")]
    public string TlsKey { get; set; } = "";

    /// <summary>Authorities that clients' certificates come from; empty asks for none.</summary>
    [Description("PEM file with the CAs of clients: nobody without a certificate of theirs is let in (mutual TLS).")]
    public string TlsClientCa { get; set; } = "";

    /// <summary>Names one of which a client's certificate must bear; see <see cref="Security.ClientNames"/>.</summary>
    [RegularExpression(NamePattern + "(," + NamePattern + ")*",
        ErrorMessage = "TlsClientNames may be DNS names separated by commas, *.name, or *")]
    [Description("DNS names, separated by commas, one of which a client's certificate must bear; *.example.org, * for any.")]
    public string TlsClientNames { get; set; } = "*";

    /// <summary>A second address that answers health checks alone, in plain text; empty for none.</summary>
    [Description("Address, in plain text, that answers grpc.health.v1 alone: for probes without a certificate.")]
    public string HealthAddress { get; set; } = "";

    /// <summary>Largest number of connections.</summary>
    [Range(1, 1_000_000)]
    [Description("Largest number of connections at once; more are closed.")]
    public int MaxConnections { get; set; } = 1000;

    /// <inheritdoc/>
    public virtual IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        ValidateAddress().Concat(ValidateTelemetry()).Concat(ValidateCertificates());

    /// <summary>What is left open to other machines: a sentence each, for the log.</summary>
    public virtual IEnumerable<string> ExposureWarnings()
    {
        var address = ServiceAddress.Parse(Address);
        if (!address.IsLocal && !address.IsTls)
        {
            yield return $"{address} speaks plain text to other machines; "
                + "give https:// with --tls-certificate and --tls-key, or an address of the loopback";
        }

        if (MetricsAddress != NoMetrics && !ServiceAddress.Parse(MetricsAddress).IsLocal)
            yield return $"{MetricsAddress} shows the metrics to every machine that reaches it; give an address of the loopback";
    }

    /// <summary>The addresses at which the service speaks TLS.</summary>
    protected virtual IEnumerable<string> TlsAddresses() =>
        ServiceAddress.TryParse(Address, out var address) && address.IsTls ? [Address] : [];

    private IEnumerable<ValidationResult> ValidateAddress()
    {
        if (!ServiceAddress.TryParse(Address, out _))
        {
            yield return new ValidationResult(
                $"Address '{Address}' is not an address; allowed: http://host:port, https://host:port, host:port, unix:/path/of.sock",
                [nameof(Address)]);
        }

        if (HealthAddress.Length > 0 && !(ServiceAddress.TryParse(HealthAddress, out var health) && !health.IsTls))
        {
            yield return new ValidationResult(
                $"HealthAddress '{HealthAddress}' is not an address; allowed: http://host:port, host:port, unix:/path/of.sock",
                [nameof(HealthAddress)]);
        }
    }

    private IEnumerable<ValidationResult> ValidateTelemetry()
    {
        if (MetricsAddress != NoMetrics && !(ServiceAddress.TryParse(MetricsAddress, out var metrics) && !metrics.IsTls))
        {
            yield return new ValidationResult(
                $"MetricsAddress '{MetricsAddress}' is not an address; "
                + $"allowed: http://host:port, host:port, unix:/path/of.sock, {NoMetrics}",
                [nameof(MetricsAddress)]);
        }

        if (OtlpEndpoint.Length > 0
            && !(Uri.TryCreate(OtlpEndpoint, UriKind.Absolute, out var otlp) && otlp.Scheme is "http" or "https"))
        {
            yield return new ValidationResult(
                $"OtlpEndpoint '{OtlpEndpoint}' is not an address; allowed: http://host:port, https://host:port", [nameof(OtlpEndpoint)]);
        }
    }

    private IEnumerable<ValidationResult> ValidateCertificates()
    {
        var https = TlsAddresses().FirstOrDefault();
        if (https is not null && (TlsCertificate.Length == 0 || TlsKey.Length == 0))
        {
            yield return new ValidationResult(
                $"{https} needs a certificate: TlsCertificate and TlsKey", [nameof(TlsCertificate), nameof(TlsKey)]);
            yield break;
        }

        if (https is null && TlsCertificate.Length + TlsKey.Length + TlsClientCa.Length > 0)
        {
            yield return new ValidationResult(
                $"TlsCertificate, TlsKey and TlsClientCa are for https addresses; {Address} is none", [nameof(TlsCertificate)]);
            yield break;
        }

        if (https is not null && ProblemWithFiles() is { } problem)
            yield return new ValidationResult(problem, [nameof(TlsCertificate)]);
    }

    private string? ProblemWithFiles()
    {
        try
        {
            PemCertificates.FollowIdentity(TlsCertificate, TlsKey, _ => { }, TimeProvider.System);
            if (TlsClientCa.Length > 0)
                PemCertificates.ReadAuthorities(TlsClientCa);
            return null;
        }
        catch (InvalidDataException exception)
        {
            return exception.Message;
        }
    }
}
