using System.Diagnostics;
using FluxGrpc.Hosting.Telemetry;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Telemetry;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator;

/// <summary>
/// Runs generations, logs, traces and measures them. Requests are named there; prompts are not, unless the options ask for them.
/// </summary>
internal sealed partial class GenerationRunner(
    GenerationStages stages, GenerationMetrics metrics, OrchestratorOptions options, ILogger<GenerationRunner> logger)
{
    /// <summary>Runs a generation to its end.</summary>
    /// <param name="job">What to do.</param>
    /// <param name="send">Takes one event after another; each image goes on up to its next one meanwhile.</param>
    /// <exception cref="RpcException">A service behind the orchestrator failed.</exception>
    /// <exception cref="InvalidDataException">One of them answered nonsense.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(GenerationJob job, Func<GenerateResponse, Task> send)
    {
        var request = job.Request;
        using var span = StartSpan(request);
        using var scope = logger.BeginRequest(request.Id);
        LogBegin(logger, request.Id, request.Grid.Width, request.Grid.Height, request.Steps, request.Count);
        if (options.LogPrompts)
            LogPrompt(logger, request.Id, request.Prompt);
        var missing = request.Count;
        try
        {
            await foreach (var happened in new Generation(job, stages).RunAsync())
            {
                metrics.Note(request, happened);
                missing -= happened.Image is null ? 0 : 1;
                await send(happened);
            }

            metrics.NoteEnd(job, Elapsed(job), missing, error: null);
            LogEnd(logger, request.Id, Elapsed(job).TotalSeconds);
        }
        catch (Exception exception)
        {
            var reason = Reason(exception, job.Options.CancellationToken);
            span?.SetStatus(ActivityStatusCode.Error, reason);
            metrics.NoteEnd(job, Elapsed(job), missing, ErrorOf(exception, job.Options.CancellationToken));
            LogFailure(logger, request.Id, Elapsed(job).TotalSeconds, reason);
            throw;
        }
    }

    private TimeSpan Elapsed(GenerationJob job) => stages.Time.GetElapsedTime(job.Arrived);

    private Activity? StartSpan(GenerationRequest request)
    {
        var span = OrchestratorActivity.Source.StartActivity("generate");
        if (options.LogPrompts)
            span?.SetTag("flux.prompt", request.Prompt);
        return span?.SetTag(RequestScope.RequestId, request.Id)
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

    private static string ErrorOf(Exception exception, CancellationToken cancellation) => exception switch
    {
        _ when cancellation.IsCancellationRequested => StatusNames.Of(StatusCode.Cancelled),
        RpcException failure => StatusNames.Of(failure.StatusCode),
        _ => StatusNames.Of(StatusCode.Internal),
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "{RequestId}: {Width}×{Height}, {Steps} steps, {Count} images")]
    private static partial void LogBegin(ILogger logger, string requestId, int width, int height, int steps, int count);

    [LoggerMessage(Level = LogLevel.Information, Message = "{RequestId}: prompt: {Prompt}")]
    private static partial void LogPrompt(ILogger logger, string requestId, string prompt);

    [LoggerMessage(Level = LogLevel.Information, Message = "{RequestId}: done after {Seconds:F2} s")]
    private static partial void LogEnd(ILogger logger, string requestId, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{RequestId}: ended after {Seconds:F2} s: {Reason}")]
    private static partial void LogFailure(ILogger logger, string requestId, double seconds, string reason);
}
