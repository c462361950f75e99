using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FluxGrpc.Channels;

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
