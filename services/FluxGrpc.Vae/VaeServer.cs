using FluxGrpc.Hosting;
using FluxGrpc.Torch;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace FluxGrpc.Vae;

/// <summary>The VAE service as a host, for its own program and for programs that embed it.</summary>
public static class VaeServer
{
    /// <summary>Builds the service; it loads its checkpoint after it was started.</summary>
    /// <param name="options">Validated options.</param>
    /// <exception cref="ArgumentException">The device is not there.</exception>
    public static WebApplication Build(VaeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var device = ComputeDevice.Open(options.Device, options.Dtype);
        var builder = ServiceHost.CreateBuilder(options);
        builder.Services.AddSingleton(options).AddSingleton<RequestLimit>();
        builder.Services.AddModel((provider, cancellation) =>
            VaeModel.LoadAsync(options, device, provider.GetRequiredService<TimeProvider>(), cancellation));
        return builder.Build().MapServices<VaeService>();
    }
}
