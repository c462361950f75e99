using FluxGrpc.Channels;
using Microsoft.Extensions.Options;

namespace FluxGrpc.Client;

/// <summary>Refuses options that no client can be made of.</summary>
internal sealed class FluxClientOptionsValidation : IValidateOptions<FluxClientOptions>
{
    /// <inheritdoc/>
    public ValidateOptionsResult Validate(string? name, FluxClientOptions options)
    {
        try
        {
            ServiceAddress.Parse(options.Address);
            return ValidateOptionsResult.Success;
        }
        catch (FormatException exception)
        {
            return ValidateOptionsResult.Fail($"{nameof(FluxClientOptions.Address)} {exception.Message}");
        }
    }
}
