using System.Diagnostics.Metrics;
using FluxGrpc.Hosting;
using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace FluxGrpc.Vae;

/// <summary>The VAE service as a host, for its own program and for programs that embed it.</summary>
public static class VaeServer
{
    /// <summary>The service's name in options and logs.</summary>
    public const string Name = "vae";

    /// <summary>Builds the service; it loads its checkpoint after it was started.</summary>
    /// <exception cref="ArgumentException">The device is not there.</exception>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">An option is not allowed.</exception>
    public static WebApplication Build(VaeOptions options)
    {
        new OptionsReader<VaeOptions>(Name).Validate(options);
        var device = ComputeDevice.Open(options.Device, options.Dtype, options.Kernels);
        var builder = ServiceHost.CreateBuilder(options);
        builder.AddTelemetry(Name, options);
        builder.Services.AddSingleton(new RequestLimit(options.MaxRequests));
        builder.Services.AddSingleton(services => new ComputeMetrics(services.GetRequiredService<IMeterFactory>(), options.Device));
        builder.Services.AddSingleton<VaeMetrics>();
        builder.Services.AddModel((provider, cancellation) =>
            VaeModel.LoadAsync(options, device, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<LoadingLog>(),
                cancellation));
        return builder.Build().MapServices<VaeService>();
    }
}
