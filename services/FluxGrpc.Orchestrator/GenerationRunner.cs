using System.Diagnostics;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator;

/// <summary>Runs generations, logs and traces them. Requests are named there, prompts never are.</summary>
internal sealed partial class GenerationRunner(GenerationStages stages, ILogger<GenerationRunner> logger)
{
    /// <summary>Runs a generation to its end.</summary>
    /// <param name="job">What to do.</param>
    /// <param name="send">Takes each event before the work goes on.</param>
    /// <exception cref="RpcException">A service behind the orchestrator failed.</exception>
    /// <exception cref="InvalidDataException">One of them answered nonsense.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(GenerationJob job, Func<GenerateResponse, Task> send)
    {
        var request = job.Request;
        using var span = StartSpan(request);
        LogBegin(logger, request.Id, request.Grid.Width, request.Grid.Height, request.Steps, request.Count);
        try
        {
            await foreach (var happened in new Generation(job, stages).RunAsync())
                await send(happened);
            LogEnd(logger, request.Id, Seconds(job));
        }
        catch (Exception exception)
        {
            var reason = Reason(exception, job.Options.CancellationToken);
            span?.SetStatus(ActivityStatusCode.Error, reason);
            LogFailure(logger, request.Id, Seconds(job), reason);
            throw;
        }
    }

    private double Seconds(GenerationJob job) => stages.Time.GetElapsedTime(job.Arrived).TotalSeconds;

    private static Activity? StartSpan(GenerationRequest request)
    {
        var span = OrchestratorActivity.Source.StartActivity("generate");
        return span?.SetTag("flux.request_id", request.Id)
            .SetTag("flux.width", request.Grid.Width)
            .SetTag("flux.height", request.Grid.Height)
            .SetTag("flux.steps", request.Steps)
            .SetTag("flux.count", request.Count)
            .SetTag("flux.priority", request.Priority.ToString());
    }

    private static string Reason(Exception exception, CancellationToken cancellation) => exception switch
    {
        _ when cancellation.IsCancellationRequested => "cancelled, or the caller left or ran into its deadline",
        RpcException failure => $"{failure.StatusCode}, {failure.Status.Detail}",
        _ => exception.GetType().Name,
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "{RequestId}: {Width}×{Height}, {Steps} steps, {Count} images")]
    private static partial void LogBegin(ILogger logger, string requestId, int width, int height, int steps, int count);

    [LoggerMessage(Level = LogLevel.Information, Message = "{RequestId}: done after {Seconds:F2} s")]
    private static partial void LogEnd(ILogger logger, string requestId, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{RequestId}: ended after {Seconds:F2} s: {Reason}")]
    private static partial void LogFailure(ILogger logger, string requestId, double seconds, string reason);
}
