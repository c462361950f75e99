using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>
/// One image's stream to one denoiser: speaks the protocol of <c>DenoiserService.Denoise</c> and nothing else. Steps are sent
/// one at a time. Disposing it before <see cref="CompleteAsync()"/> cancels the call, which frees the denoiser. A method that threw
/// leaves nothing to do but to dispose it.
/// </summary>
public sealed class DenoiserSession : IDisposable
{
    private readonly AsyncDuplexStreamingCall<DenoiseRequest, DenoiseResponse> _call;
    private readonly CancellationToken _cancellation;
    private Task<bool>? _next;
    private bool _isDraining;

    private DenoiserSession(AsyncDuplexStreamingCall<DenoiseRequest, DenoiseResponse> call, CancellationToken cancellation)
    {
        _call = call;
        _cancellation = cancellation;
    }

    /// <summary>True once the denoiser has accepted the session.</summary>
    public bool IsAccepted { get; private set; }

    /// <summary>Name of the replica that answers.</summary>
    public string ReplicaId { get; private set; } = "";

    /// <summary>Fingerprint of its model.</summary>
    public string ModelFingerprint { get; private set; } = "";

    /// <summary>True where the denoiser has said that it is about to stop, between two steps too.</summary>
    public bool IsDraining
    {
        get
        {
            if (_next is { IsCompletedSuccessfully: true, Result: true }
                && _call.ResponseStream.Current.MessageCase == DenoiseResponse.MessageOneofCase.DrainNotice)
            {
                _isDraining = true;
                _next = null;
            }

            return _isDraining;
        }
    }

    /// <summary>True where the denoiser has ended the session since its last answer.</summary>
    public bool IsOver => _next is { IsCompleted: true } next && !(next.IsCompletedSuccessfully && next.Result);

    /// <summary>Opens a session and waits until the denoiser has accepted it.</summary>
    /// <param name="client">The denoiser.</param>
    /// <param name="opening">What stays the same over the steps.</param>
    /// <param name="options">Deadline and cancellation of the whole session.</param>
    /// <inheritdoc cref="WaitForAcceptanceAsync" path="/exception"/>
    public static async Task<DenoiserSession> OpenAsync(
        DenoiserService.DenoiserServiceClient client, OpenSession opening, CallOptions options)
    {
        var session = Start(client, options);
        try
        {
            await session.SendOpeningAsync(opening, options.CancellationToken);
            while (!session.IsAccepted)
                await session.WaitForAcceptanceAsync(options.CancellationToken);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Starts the call of a session; <see cref="SendOpeningAsync"/> comes next.</summary>
    /// <param name="client">The denoiser.</param>
    /// <param name="options">Deadline and cancellation of the whole session.</param>
    public static DenoiserSession Start(DenoiserService.DenoiserServiceClient client, CallOptions options)
    {
        ArgumentNullException.ThrowIfNull(client);
        return new DenoiserSession(client.Denoise(options), options.CancellationToken);
    }

    /// <summary>Sends the opening and waits for the first answer: the session is then accepted, or queued.</summary>
    /// <inheritdoc cref="WaitForAcceptanceAsync" path="/exception"/>
    public async Task SendOpeningAsync(OpenSession opening, CancellationToken cancellation)
    {
        await SendAsync(new DenoiseRequest { Open = opening }, cancellation);
        await WaitForAcceptanceAsync(cancellation);
    }

    /// <summary>Waits for the next answer to the opening of a queued session.</summary>
    /// <exception cref="RpcException">The denoiser refused or is not there.</exception>
    /// <exception cref="SessionLostException">The denoiser is about to stop.</exception>
    /// <exception cref="InvalidDataException">The denoiser broke the protocol.</exception>
    public async Task WaitForAcceptanceAsync(CancellationToken cancellation)
    {
        var reply = await ReadAsync(cancellation);
        switch (reply.MessageCase)
        {
            case DenoiseResponse.MessageOneofCase.Accepted:
                IsAccepted = true;
                ReplicaId = reply.Accepted.ReplicaId;
                ModelFingerprint = reply.Accepted.ModelFingerprint;
                break;
            case DenoiseResponse.MessageOneofCase.Queued:
                break;
            case DenoiseResponse.MessageOneofCase.DrainNotice:
                throw new SessionLostException("The denoiser is about to stop");
            default:
                throw new InvalidDataException($"The denoiser answered the opening with {reply.MessageCase}");
        }
    }

    /// <summary>Evaluates the velocity at one step; see <see cref="PredictVelocity"/>.</summary>
    /// <inheritdoc cref="PredictVelocityAsync(int, float, Tensor, CancellationToken)" path="/exception"/>
    public Task<StepResult> PredictVelocityAsync(int index, float timestep, Tensor latents) =>
        PredictVelocityAsync(index, timestep, latents, _cancellation);

    /// <summary>Evaluates the velocity at one step; see <see cref="PredictVelocity"/>.</summary>
    /// <exception cref="RpcException">The denoiser ended the session.</exception>
    /// <exception cref="SessionLostException">The denoiser let go of the session.</exception>
    /// <exception cref="InvalidDataException">The denoiser broke the protocol.</exception>
    public async Task<StepResult> PredictVelocityAsync(int index, float timestep, Tensor latents, CancellationToken cancellation)
    {
        var step = new DenoiseStep { Index = index, Timestep = timestep, Latents = latents };
        await SendAsync(new DenoiseRequest { Step = step }, cancellation);
        while (true)
        {
            var reply = await ReadAsync(cancellation);
            if (reply.MessageCase == DenoiseResponse.MessageOneofCase.DrainNotice)
            {
                _isDraining = true;
                continue;
            }

            if (reply.StepResult?.Index != index)
            {
                throw new InvalidDataException(
                    $"The denoiser answered step {index} with {reply.MessageCase} {reply.StepResult?.Index}");
            }

            _next = _call.ResponseStream.MoveNext(_cancellation); // A drain notice may come between the steps.
            return reply.StepResult;
        }
    }

    /// <summary>Ends the session in good order: half-closes and waits for the denoiser's OK.</summary>
    /// <exception cref="RpcException">The denoiser ended the session otherwise.</exception>
    /// <exception cref="InvalidDataException">The denoiser had more to say.</exception>
    public Task CompleteAsync() => CompleteAsync(_cancellation);

    /// <inheritdoc cref="CompleteAsync()"/>
    public async Task CompleteAsync(CancellationToken cancellation)
    {
        await _call.RequestStream.CompleteAsync();
        while (await MoveNextAsync(cancellation))
        {
            if (_call.ResponseStream.Current.MessageCase != DenoiseResponse.MessageOneofCase.DrainNotice)
            {
                throw new InvalidDataException(
                    $"The denoiser sent {_call.ResponseStream.Current.MessageCase} after the last step");
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _call.Dispose();

    private async Task SendAsync(DenoiseRequest request, CancellationToken cancellation)
    {
        try
        {
            await _call.RequestStream.WriteAsync(request, cancellation);
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException)
        {
            // The call has ended; reading tells with which status.
        }
    }

    private async Task<DenoiseResponse> ReadAsync(CancellationToken cancellation) => await MoveNextAsync(cancellation)
        ? _call.ResponseStream.Current
        : throw new SessionLostException("The denoiser ended the session before its last step");

    /// <summary>Only one read may be under way: the one that was begun between the steps comes first.</summary>
    private async Task<bool> MoveNextAsync(CancellationToken cancellation)
    {
        var next = _next ?? _call.ResponseStream.MoveNext(_cancellation);
        _next = null;
        return await next.WaitAsync(cancellation);
    }
}
