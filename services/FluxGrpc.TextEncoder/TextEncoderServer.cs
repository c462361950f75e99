using System.Diagnostics.Metrics;
using FluxGrpc.Hosting;
using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.TextEncoder;

/// <summary>The text encoder service as a host, for its own program and for programs that embed it.</summary>
public static class TextEncoderServer
{
    /// <summary>The service's name in options and logs.</summary>
    public const string Name = "text-encoder";

    /// <summary>Builds the service; it loads its checkpoint after it was started.</summary>
    /// <exception cref="ArgumentException">The device is not there.</exception>
    /// <exception cref="System.ComponentModel.DataAnnotations.ValidationException">An option is not allowed.</exception>
    public static WebApplication Build(TextEncoderOptions options)
    {
        new OptionsReader<TextEncoderOptions>(Name).Validate(options);
        var device = ComputeDevice.Open(options.Device, options.Dtype, options.Kernels, options.WeightDtype);
        var builder = ServiceHost.CreateBuilder(options);
        builder.AddTelemetry(Name, options);
        builder.Services.AddSingleton(new RequestLimit(options.MaxRequests));
        builder.Services.AddSingleton(services => new ComputeMetrics(services.GetRequiredService<IMeterFactory>(), options.Device));
        builder.Services.AddSingleton<TextEncoderMetrics>();
        builder.Services.AddModel((services, cancellation) => TextEncoderModel.LoadAsync(options, device,
            services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<TextEncoderModel>>(),
            services.GetRequiredService<LoadingLog>(), cancellation));
        return builder.Build().MapServices<TextEncoderService>();
    }
}
