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
            return options.ToSecurity().ProblemWith(ServiceAddress.Parse(options.Address)) is { } problem
                ? ValidateOptionsResult.Fail(problem)
                : ValidateOptionsResult.Success;
        }
        catch (FormatException exception)
        {
            return ValidateOptionsResult.Fail($"{nameof(FluxClientOptions.Address)} {exception.Message}");
        }
    }
}
