using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Hosting.Security;

/// <summary>Says at the start what a service that other machines reach leaves open to them.</summary>
internal sealed partial class ExposureWarnings(ServiceOptions options, ILogger<ExposureWarnings> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var warning in options.ExposureWarnings())
            LogExposed(logger, warning);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(Level = LogLevel.Warning, Message = "EXPOSED: {Warning}")]
    private static partial void LogExposed(ILogger logger, string warning);
}
