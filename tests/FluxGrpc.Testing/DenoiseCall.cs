using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.Testing;

/// <summary>The caller's side of one Denoise stream.</summary>
public sealed class DenoiseCall(AsyncDuplexStreamingCall<DenoiseRequest, DenoiseResponse> call) : IDisposable
{
    /// <summary>Sends an opening.</summary>
    public Task SendAsync(OpenSession opening) => call.RequestStream.WriteAsync(new DenoiseRequest { Open = opening });

    /// <summary>Sends a step.</summary>
    public Task SendAsync(DenoiseStep step) => call.RequestStream.WriteAsync(new DenoiseRequest { Step = step });

    /// <summary>Sends a message without content.</summary>
    public Task SendNothingAsync() => call.RequestStream.WriteAsync(new DenoiseRequest());

    /// <summary>Says that nothing more will come.</summary>
    public Task HalfCloseAsync() => call.RequestStream.CompleteAsync();

    /// <summary>Waits for the next message, which there must be.</summary>
    public async Task<DenoiseResponse> ReadAsync()
    {
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None), "the server ended the call");
        return call.ResponseStream.Current;
    }

    /// <summary>Sends a step and waits for its answer, the next message.</summary>
    public async Task<StepResult> StepAsync(DenoiseStep step)
    {
        await SendAsync(step);
        return (await ReadAsync()).StepResult;
    }

    /// <summary>Waits for the end; the server must send nothing more.</summary>
    public async Task<StatusCode> EndAsync()
    {
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None), "the server sent another message");
        return call.GetStatus().StatusCode;
    }

    /// <summary>Waits for the server to end the call with an error.</summary>
    public async Task<RpcException> FailureAsync() => await Assert.ThrowsAsync<RpcException>(async () =>
    {
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
            // Answers to what came before the mistake.
        }
    });

    /// <summary>Waits for INVALID_ARGUMENT and gives the fields that it names.</summary>
    public async Task<IEnumerable<string>> RefusedFieldsAsync()
    {
        var failure = await FailureAsync();
        Assert.Equal(StatusCode.InvalidArgument, failure.StatusCode);
        return failure.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations.Select(violation => violation.Field);
    }

    /// <summary>Cancels the call where it has not ended.</summary>
    public void Dispose() => call.Dispose();
}
