using System.Diagnostics;
using System.Diagnostics.Metrics;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace FluxGrpc.Hosting.Telemetry;

/// <summary>Measures the calls that a service answers, as OpenTelemetry's conventions for RPC have it.</summary>
internal sealed class CallMetrics(IMeterFactory meters, TimeProvider time) : Interceptor
{
    private readonly Histogram<double> _duration = meters.Create(TelemetryNames.HostingMeter).CreateHistogram(
        "rpc.server.call.duration", "s", "Duration of incoming calls.", tags: null, TelemetryNames.LongDurations);

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        MeasureAsync(context, () => continuation(request, context));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(TRequest request,
        IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        MeasureAsync(context, async () =>
        {
            await continuation(request, responseStream, context);
            return true;
        });

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        MeasureAsync(context, async () =>
        {
            await continuation(requestStream, responseStream, context);
            return true;
        });

    private async Task<T> MeasureAsync<T>(ServerCallContext context, Func<Task<T>> call)
    {
        var started = time.GetTimestamp();
        try
        {
            var answer = await call();
            Record(context, started, context.Status.StatusCode);
            return answer;
        }
        catch (RpcException failure)
        {
            // A handler is cancelled in either case; the caller sees that its time was up.
            var isLate = failure.StatusCode == StatusCode.Cancelled && time.GetUtcNow() >= context.Deadline;
            Record(context, started, isLate ? StatusCode.DeadlineExceeded : failure.StatusCode);
            throw;
        }
    }

    private void Record(ServerCallContext context, long started, StatusCode status)
    {
        if (!_duration.Enabled)
            return;
        var name = StatusNames.Of(status);
        var tags = new TagList
        {
            { "rpc.system.name", "grpc" },
            { "rpc.method", context.Method.TrimStart('/') },
            { "rpc.response.status_code", name },
        };
        if (status != StatusCode.OK)
            tags.Add("error.type", name);
        _duration.Record(time.GetElapsedTime(started).TotalSeconds, tags);
    }
}
