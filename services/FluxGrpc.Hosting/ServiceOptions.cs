using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FluxGrpc.Channels;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Hosting;

/// <summary>What every service can be told. Names on the command line and in the environment: <see cref="OptionsReader{T}"/>.</summary>
public abstract class ServiceOptions : IValidatableObject
{
    /// <summary>Where to listen; see <see cref="ServiceAddress"/>. Port 0 takes a free port and prints it.</summary>
    [Required]
    [Description("Address to listen on: http://host:port (port 0: any free one) or unix:/path/of.sock.")]
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

    /// <summary>
    /// Stop when standard input ends: whoever started the service holds it open, and the system closes it when that program ends.
    /// Ctrl-C is left to that program then.
    /// </summary>
    [Description("Stop when standard input ends (with the program that started the service) instead of at Ctrl-C.")]
    public bool ExitWithParent { get; set; }

    /// <inheritdoc/>
    public virtual IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        if (!ServiceAddress.TryParse(Address, out _))
        {
            yield return new ValidationResult(
                $"Address '{Address}' is not an address; allowed: http://host:port, https://host:port, host:port, unix:/path/of.sock",
                [nameof(Address)]);
        }
    }
}
