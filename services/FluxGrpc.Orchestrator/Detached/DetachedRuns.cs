using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.Tensors;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Detached;

/// <summary>Runs generations that do not need a caller. When the host is told to stop all of them end, at once.</summary>
internal sealed partial class DetachedRuns(
    GenerationRegistry registry, WorkQueue queue, GenerationRunner runner, IHostApplicationLifetime lifetime,
    ILogger<DetachedRuns> logger) : IHostedService
{
    private const int PixelBytes = 3;
    private const int ImageOverheadBytes = 64 << 10;
    private const int StepBytes = 512;
    private const int CharacterBytes = 6; // Where JSON escapes it.

    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private CancellationTokenRegistration _stopping;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _stopping = lifetime.ApplicationStopping.Register(StopAll);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        StopAll();
        await Task.WhenAll(registry.Working.Select(generation => generation.Work)).WaitAsync(cancellationToken);
        await _stopping.DisposeAsync();
    }

    /// <summary>Starts a detached generation, or finds the one that is asked for again.</summary>
    /// <param name="order">The request as it came.</param>
    /// <param name="request">What to do.</param>
    /// <param name="facts">The models, as the request was checked against.</param>
    /// <param name="arrived">Timestamp of the call's arrival.</param>
    /// <exception cref="RpcException">ALREADY_EXISTS; RESOURCE_EXHAUSTED: too much is kept, or the queue is full.</exception>
    public DetachedGeneration StartOrFind(DetachedOrder order, GenerationRequest request, ModelFacts facts, long arrived)
    {
        IDisposable? place = order.Place;
        try
        {
            var (generation, isNew) = registry.AddDetached(order.Message, MostBytes(order.Message, request), order.Owner);
            if (isNew)
            {
                Start(generation, request, facts, arrived, place);
                place = null; // The work has it.
            }

            return generation;
        }
        finally
        {
            place?.Dispose();
        }
    }

    private void Start(DetachedGeneration generation, GenerationRequest request, ModelFacts facts, long arrived, IDisposable place)
    {
        try
        {
            var turn = queue.Enter(request.Priority, request.Work);
            var job = new GenerationJob(request, facts, turn, new CallOptions(cancellationToken: generation.Stopping), arrived);
            generation.Work = Task.Run(() => RunAsync(generation, job, place), CancellationToken.None);
        }
        catch (RpcException refused)
        {
            generation.Log.End(refused); // For one that has found it meanwhile.
            registry.Remove(generation);
            throw;
        }

        if (lifetime.ApplicationStopping.IsCancellationRequested)
            StopAll();
    }

    private async Task RunAsync(DetachedGeneration generation, GenerationJob job, IDisposable place)
    {
        using var untilTheEnd = place;
        Exception? failure = null;
        try
        {
            using var turn = job.Turn;
            await runner.RunAsync(job, happened =>
            {
                generation.Log.Add(happened);
                return Task.CompletedTask;
            });
        }
        catch (Exception exception)
        {
            failure = Describe(generation, exception);
        }

        registry.End(generation, failure);
    }

    /// <summary>What the callers get.</summary>
    private RpcException Describe(DetachedGeneration generation, Exception exception)
    {
        if (generation.StopReason is { } reason)
            return reason;
        if (exception is RpcException failure)
            return failure;
        LogBug(logger, generation.Id, exception);
        return new RpcException(new Status(StatusCode.Internal, "Internal error; the server's log has the details"));
    }

    private void StopAll()
    {
        foreach (var generation in registry.Working)
            generation.Stop(RpcErrors.Unavailable("STOPPING", "The server is stopping; detached requests end with it", _retryDelay));
    }

    /// <summary>
    /// The most that the events of a request can take: pixels that do not compress at all, in files that tell the request's texts.
    /// </summary>
    private static long MostBytes(V1.GenerateRequest message, GenerationRequest request)
    {
        var pixels = (long)PixelBytes * request.Grid.Width * request.Grid.Height * 101 / 100;
        var texts = CharacterBytes * (long)(message.Prompt.Length + message.T5Prompt.Length + message.NegativePrompt.Length);
        return (request.Count + 1) * (pixels + texts + ImageOverheadBytes + StepBytes * (long)request.Steps);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{RequestId} failed")]
    private static partial void LogBug(ILogger logger, string requestId, Exception exception);
}
