using FluxGrpc.Client;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers <see cref="FluxClient"/>.</summary>
public static class FluxServiceCollectionExtensions
{
    /// <summary>
    /// Registers a <see cref="FluxClient"/> for the whole program. Options that are wrong end a host's start, and the first use where
    /// there is no host, with an <see cref="OptionsValidationException"/>. They may come from the configuration too:
    /// <c>services.AddOptions&lt;FluxClientOptions&gt;().BindConfiguration("Flux")</c>.
    /// </summary>
    /// <param name="services">The program's services.</param>
    /// <param name="configure">Sets the options; called when the client is made.</param>
    public static IServiceCollection AddFluxGrpc(this IServiceCollection services, Action<FluxClientOptions>? configure = null)
    {
        services.AddOptions<FluxClientOptions>().Configure(options => configure?.Invoke(options)).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<FluxClientOptions>, FluxClientOptionsValidation>());
        services.TryAddSingleton(provider => FluxClient.Connect(
            provider.GetRequiredService<IOptions<FluxClientOptions>>().Value, provider.GetService<ILoggerFactory>()));
        return services;
    }
}
