using FluxGrpc.V1;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>One image in progress: its conditioning on the device and how far it has come.</summary>
internal sealed class DenoiseSession : IDisposable
{
    private readonly DenoiserModel _model;
    private readonly SessionOpening _opening;
    private readonly SessionRegistry.Entry _entry;
    private readonly Conditioning _conditioning;
    private int? _lastIndex;

    private DenoiseSession(DenoiserModel model, SessionOpening opening, SessionRegistry.Entry entry, Conditioning conditioning)
    {
        _model = model;
        _opening = opening;
        _entry = entry;
        _conditioning = conditioning;
    }

    /// <summary>Opens a session and copies its conditioning to the device.</summary>
    /// <exception cref="Grpc.Core.RpcException">RESOURCE_EXHAUSTED: too many sessions.</exception>
    public static async Task<DenoiseSession> OpenAsync(
        DenoiserModel model, SessionRegistry registry, SessionOpening opening, CancellationToken cancellation)
    {
        var entry = registry.Enter(opening.StepCount - opening.FirstStepIndex, opening.ImageTokens + opening.TextTokens);
        try
        {
            return new DenoiseSession(model, opening, entry, await model.ConditionAsync(opening, cancellation));
        }
        catch
        {
            entry.Dispose();
            throw;
        }
    }

    /// <summary>Reads the next message.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: it is no valid step now.</exception>
    public DenoiseStep ParseStep(DenoiseRequest request) => DenoiseStep.Parse(request, _opening, _model.Config, _lastIndex);

    /// <summary>Answers a step.</summary>
    /// <param name="step">From <see cref="ParseStep"/>.</param>
    /// <param name="cancellation">Drops a step that has not begun.</param>
    public async Task<Prediction> PredictVelocityAsync(DenoiseStep step, CancellationToken cancellation)
    {
        var prediction = await _model.PredictVelocityAsync(_conditioning, step, cancellation);
        _lastIndex = step.Index;
        _entry.CountStep(_opening.StepCount - step.Index - 1);
        return prediction;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _conditioning.Dispose();
        _entry.Dispose();
    }
}
