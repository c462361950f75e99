using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator;

/// <summary>Events on their way to a caller. One that does not read them is cut off: it must not hold a place for ever.</summary>
/// <param name="writer">The call's.</param>
/// <param name="context">The call.</param>
/// <param name="patience">Time that the caller may take for an event.</param>
/// <param name="time">The clock.</param>
internal sealed class CallerStream(
    IServerStreamWriter<GenerateResponse> writer, ServerCallContext context, TimeSpan patience, TimeProvider time)
{
    /// <summary>The caller's deadline, and the end of its call however it comes, hold for every call made for it.</summary>
    public CallOptions Options { get; } = new(deadline: context.Deadline, cancellationToken: context.CancellationToken);

    /// <summary>Cancelled when the caller is gone.</summary>
    public CancellationToken Gone => Options.CancellationToken;

    /// <summary>Sends an event.</summary>
    /// <exception cref="OperationCanceledException">The caller is gone, or was cut off.</exception>
    public async Task SendAsync(GenerateResponse happened)
    {
        var write = writer.WriteAsync(happened, Gone);
        try
        {
            await write.WaitAsync(patience, time, Gone);
        }
        catch (TimeoutException)
        {
            context.GetHttpContext().Abort();
            throw new OperationCanceledException($"The caller took no event for {patience.TotalSeconds} s");
        }
    }
}
