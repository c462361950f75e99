using FluxGrpc.Client;
using FluxGrpc.Client.AI;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers <see cref="IImageGenerator"/>.</summary>
public static class FluxImageGeneratorServiceCollectionExtensions
{
    /// <summary>
    /// Registers an <see cref="IImageGenerator"/> for the whole program, and the <see cref="FluxClient"/> that it works with, as
    /// <see cref="FluxServiceCollectionExtensions.AddFluxGrpc"/> does.
    /// </summary>
    /// <param name="services">The program's services.</param>
    /// <param name="configure">Sets the client's options; called when the client is made.</param>
    public static IServiceCollection AddFluxImageGenerator(
        this IServiceCollection services, Action<FluxClientOptions>? configure = null)
    {
        services.AddFluxGrpc(configure);
        services.TryAddSingleton<IImageGenerator, FluxImageGenerator>();
        return services;
    }
}
