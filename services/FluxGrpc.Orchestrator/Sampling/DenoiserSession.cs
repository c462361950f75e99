using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// One image's stream to one denoiser: speaks the protocol of <c>DenoiserService.Denoise</c> and nothing else. Steps are sent
/// one at a time. Disposing it before <see cref="CompleteAsync"/> cancels the call, which frees the denoiser.
/// </summary>
public sealed class DenoiserSession : IDisposable
{
    private readonly AsyncDuplexStreamingCall<DenoiseRequest, DenoiseResponse> _call;
    private readonly CancellationToken _cancellation;

    private DenoiserSession(AsyncDuplexStreamingCall<DenoiseRequest, DenoiseResponse> call, CancellationToken cancellation)
    {
        _call = call;
        _cancellation = cancellation;
    }

    /// <summary>Name of the replica that answers.</summary>
    public string ReplicaId { get; private set; } = "";

    /// <summary>Fingerprint of its model.</summary>
    public string ModelFingerprint { get; private set; } = "";

    /// <summary>Opens a session and waits until the denoiser has accepted it.</summary>
    /// <param name="client">The denoiser.</param>
    /// <param name="opening">What stays the same over the steps.</param>
    /// <param name="options">Deadline and cancellation of the whole session.</param>
    /// <exception cref="RpcException">The denoiser refused or is not there.</exception>
    /// <exception cref="InvalidDataException">The denoiser broke the protocol.</exception>
    public static async Task<DenoiserSession> OpenAsync(
        DenoiserService.DenoiserServiceClient client, OpenSession opening, CallOptions options)
    {
        ArgumentNullException.ThrowIfNull(client);
        var session = new DenoiserSession(client.Denoise(options), options.CancellationToken);
        try
        {
            var reply = await session.ExchangeAsync(new DenoiseRequest { Open = opening });
            if (reply.MessageCase != DenoiseResponse.MessageOneofCase.Accepted)
                throw new InvalidDataException($"The denoiser answered the opening with {reply.MessageCase}");
            session.ReplicaId = reply.Accepted.ReplicaId;
            session.ModelFingerprint = reply.Accepted.ModelFingerprint;
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Evaluates the velocity at one step; see <see cref="PredictVelocity"/>.</summary>
    /// <exception cref="RpcException">The denoiser ended the session.</exception>
    /// <exception cref="InvalidDataException">The denoiser broke the protocol.</exception>
    public async Task<StepResult> PredictVelocityAsync(int index, float timestep, Tensor latents)
    {
        var step = new DenoiseStep { Index = index, Timestep = timestep, Latents = latents };
        var reply = await ExchangeAsync(new DenoiseRequest { Step = step });
        return reply.StepResult is { } result && result.Index == index
            ? result
            : throw new InvalidDataException(
                $"The denoiser answered step {index} with {reply.MessageCase} {reply.StepResult?.Index}");
    }

    /// <summary>Ends the session in good order: half-closes and waits for the denoiser's OK.</summary>
    /// <exception cref="RpcException">The denoiser ended the session otherwise.</exception>
    /// <exception cref="InvalidDataException">The denoiser had more to say.</exception>
    public async Task CompleteAsync()
    {
        await _call.RequestStream.CompleteAsync();
        if (await _call.ResponseStream.MoveNext(_cancellation))
            throw new InvalidDataException($"The denoiser sent {_call.ResponseStream.Current.MessageCase} after the last step");
    }

    /// <inheritdoc/>
    public void Dispose() => _call.Dispose();

    private async Task<DenoiseResponse> ExchangeAsync(DenoiseRequest request)
    {
        try
        {
            await _call.RequestStream.WriteAsync(request, _cancellation);
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException)
        {
            // The call has ended; reading tells with which status.
        }

        return await _call.ResponseStream.MoveNext(_cancellation)
            ? _call.ResponseStream.Current
            : throw new InvalidDataException("The denoiser ended the session before its last step");
    }
}
