using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Recording;

/// <summary>Collects recordings from a run's events; the request has to ask for include_tensors.</summary>
/// <param name="prompt">What is drawn.</param>
/// <param name="fingerprint">Fingerprint of the denoiser's model.</param>
internal sealed class SessionRecorder(string prompt, string fingerprint)
{
    private readonly List<Tensor> _latents = [];
    private readonly List<Tensor> _velocities = [];
    private GenerationAccepted? _accepted;
    private PromptEncoded? _encoded;

    /// <summary>Takes note of an event.</summary>
    /// <returns>The recording of an image that is done with this event, else null.</returns>
    public SessionRecording? Observe(GenerateResponse happened)
    {
        switch (happened.EventCase)
        {
            case GenerateResponse.EventOneofCase.Accepted:
                _accepted = happened.Accepted;
                return null;
            case GenerateResponse.EventOneofCase.Encoded:
                _encoded = happened.Encoded;
                return null;
            case GenerateResponse.EventOneofCase.Step:
                _latents.Add(happened.Step.Latents);
                _velocities.Add(happened.Step.Velocity);
                return null;
            case GenerateResponse.EventOneofCase.Image:
                return Finish(happened.Image.Seed);
            default:
                return null;
        }
    }

    private SessionRecording Finish(ulong seed)
    {
        var settings = _accepted!.Settings;
        var recording = new SessionRecording
        {
            HiddenStates = _encoded!.HiddenStates,
            Pooled = _encoded.Pooled,
            Sigmas = [.. settings.Sigmas],
            Latents = [.. _latents],
            Velocities = [.. _velocities],
            Grid = PatchGrid.OfPixels(settings.Width, settings.Height).ToMessage(),
            Guidance = settings.HasGuidance ? settings.Guidance : null,
            Fingerprint = fingerprint,
            Prompt = prompt,
            ModelName = _accepted.ModelName,
            Seed = seed,
        };
        _latents.Clear();
        _velocities.Clear();
        return recording;
    }
}
