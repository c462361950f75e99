using System.ComponentModel.DataAnnotations;
using FluxGrpc.Hosting.Telemetry;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace FluxGrpc.Hosting;

/// <summary>The Main of every service: options in, exit code out.</summary>
public static class ServiceProgram
{
    private const int BadOptions = 2;
    private const int CannotServe = 1;
    private const int NotServing = 1;

    /// <summary>Runs a service until it is told to stop.</summary>
    /// <param name="name">The service's name: "text-encoder".</param>
    /// <param name="description">First line of <c>--help</c>.</param>
    /// <param name="arguments">The command line.</param>
    /// <param name="build">Builds the service; throws <see cref="ArgumentException"/> for options it cannot serve.</param>
    /// <param name="announce">Lines to write to standard output before the one that says where it listens.</param>
    /// <returns>
    /// 0 after a stop, 1 where the service could not serve, 2 for bad options. With <c>--health</c>, which asks a running service of
    /// these options: 0 where it serves, 1 where it does not.
    /// </returns>
    public static async Task<int> RunAsync<TOptions>(
        string name, string description, string[] arguments, Func<TOptions, WebApplication> build,
        Func<WebApplication, IEnumerable<string>>? announce = null)
        where TOptions : ServiceOptions, new()
    {
        var reader = new OptionsReader<TOptions>(name);
        if (arguments.Contains("--help"))
        {
            Console.WriteLine(reader.Help(
                $"{description}\n{HealthProbe.Switch} asks the running service of the same options whether it serves: 0 is yes, 1 is no."));
            return 0;
        }

        try
        {
            var options = reader.Read([.. arguments.Where(argument => argument != HealthProbe.Switch)], Environment.GetEnvironmentVariable);
            if (arguments.Contains(HealthProbe.Switch))
                return await ReportHealthAsync(options);
            await using var app = build(options);
            using var stops = new StopRequests(app.Lifetime, options.ExitWithParent);
            await app.StartAsync();
            foreach (var line in announce?.Invoke(app) ?? [])
                Console.WriteLine(line);
            if (TelemetrySetup.MetricsAddressOf(app) is { Length: > 0 } metrics)
                Console.WriteLine($"Metrics at {metrics}");
            Console.WriteLine($"Listening on {app.ListeningAddress(options)}");
            await app.WaitForShutdownAsync();
            foreach (var model in app.Services.GetServices<IModelReadiness>())
                await ReportFailureAsync(model.Ready);
            return 0;
        }
        catch (ValidationException exception)
        {
            await Console.Error.WriteLineAsync($"{name}: {exception.Message}");
            return BadOptions;
        }
        catch (Exception exception) when (exception is ArgumentException or IOException or InvalidDataException or DllNotFoundException)
        {
            await Console.Error.WriteLineAsync($"{name}: {exception.Message}");
            return CannotServe;
        }
    }

    private static async Task<int> ReportHealthAsync(ServiceOptions options)
    {
        var status = await HealthProbe.AskAsync(options);
        Console.WriteLine(status);
        return status == HealthCheckResponse.Types.ServingStatus.Serving ? 0 : NotServing;
    }

    /// <summary>Rethrows what kept a model from loading; a stop before it was loaded is none.</summary>
    private static Task ReportFailureAsync(Task ready) => ready.IsFaulted ? ready : Task.CompletedTask;
}
