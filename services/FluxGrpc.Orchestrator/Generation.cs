using System.Diagnostics;
using System.Globalization;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.Orchestrator;

/// <summary>Carries out one request: prompt to conditioning, noise to latents, latents to PNG, one image after another.</summary>
/// <param name="job">What to do.</param>
/// <param name="stages">What it goes through.</param>
internal sealed class Generation(GenerationJob job, GenerationStages stages)
{
    private static readonly string _software = $"FluxGrpc {typeof(Generation).Assembly.GetName().Version!.ToString(3)}";

    private readonly GenerationRequest _request = job.Request;
    private TimeSpan _encodeTime;
    private TimeSpan _decodeTime;

    /// <summary>Makes the images, telling each event as it happens; the work goes on when the event has been taken.</summary>
    /// <exception cref="RpcException">A service failed; see <see cref="ComponentErrors"/>.</exception>
    /// <exception cref="InvalidDataException">A service answered nonsense.</exception>
    /// <exception cref="OperationCanceledException">The caller is gone.</exception>
    public async IAsyncEnumerable<GenerateResponse> RunAsync()
    {
        yield return new GenerateResponse { Accepted = Accept() };

        await foreach (var place in job.Turn.WaitForTurnAsync(job.Options.CancellationToken))
            yield return new GenerateResponse { Queued = place };

        var (conditioning, cached) = await EncodeAsync();
        yield return new GenerateResponse { Encoded = Describe(conditioning, cached) };

        var order = new DenoisingOrder(_request, job.Facts, conditioning);
        var denoising = new ImageDenoising(order, stages.Tier, job.Options, job.Turn, stages.Time);
        for (var i = 0; i < _request.Count; i++)
        {
            var image = DenoisingImage.FromNoise(
                _request.Grid, _request.Timesteps, job.Facts.Vae.LatentChannels, _request.SeedOf(i));
            await foreach (var progress in DenoiseAsync(denoising, i, image))
                yield return progress;
            yield return new GenerateResponse { Image = await DrawAsync(i, image) };
        }

        yield return new GenerateResponse { Finished = Finish(denoising) };
    }

    private GenerationAccepted Accept() => new()
    {
        RequestId = _request.Id,
        Settings = _request.ToSettings(),
        ModelName = job.Facts.ModelName,
        RandomWeights = job.Facts.RandomWeights,
    };

    private async Task<(TextEncoderServiceEncodeResponse Conditioning, bool Cached)> EncodeAsync()
    {
        using var span = OrchestratorActivity.Source.StartActivity("encode");
        var started = stages.Time.GetTimestamp();
        var (conditioning, cached) = await stages.Encoder.EncodeAsync(_request, job.Facts, job.Options);
        _encodeTime = stages.Time.GetElapsedTime(started);
        span?.SetTag("flux.cached", cached);
        return (conditioning, cached);
    }

    private PromptEncoded Describe(TextEncoderServiceEncodeResponse conditioning, bool cached) => new()
    {
        T5Usage = conditioning.T5Usage,
        ClipUsage = conditioning.ClipUsage,
        Elapsed = _encodeTime.ToDuration(),
        Cached = cached,
        HiddenStates = _request.IncludeTensors ? conditioning.HiddenStates : null,
        Pooled = _request.IncludeTensors ? conditioning.Pooled : null,
    };

    private async IAsyncEnumerable<GenerateResponse> DenoiseAsync(ImageDenoising denoising, int index, DenoisingImage image)
    {
        using var span = OrchestratorActivity.Source.StartActivity("image");
        span?.SetTag("flux.image_index", index);
        await foreach (var progress in denoising.RunAsync(index, image))
        {
            if (progress.EventCase == GenerateResponse.EventOneofCase.Step)
                job.Turn.Done(_request.StepWork);
            yield return progress;
            if (span is not null)
                Activity.Current = span; // Here the caller's context is back, in which there is no such span.
        }
    }

    private async Task<GeneratedImage> DrawAsync(int index, DenoisingImage image)
    {
        using var span = OrchestratorActivity.Source.StartActivity("decode");
        span?.SetTag("flux.image_index", index);
        var started = stages.Time.GetTimestamp();
        var pixels = await stages.Decoder.DecodeAsync(image, job.Facts.Vae.Component.Fingerprint, job.Options);
        var png = PngWriter.Encode(pixels.Data.Span, image.Grid.Width, image.Grid.Height, Texts(_request.SeedOf(index)));
        _decodeTime += stages.Time.GetElapsedTime(started);
        return new GeneratedImage
        {
            ImageIndex = index,
            Data = UnsafeByteOperations.UnsafeWrap(png),
            MediaType = "image/png",
            Seed = _request.SeedOf(index),
        };
    }

    private IEnumerable<KeyValuePair<string, string>> Texts(ulong seed)
    {
        yield return new("prompt", _request.Prompt);
        yield return new("seed", seed.ToString(CultureInfo.InvariantCulture));
        yield return new("steps", _request.Steps.ToString(CultureInfo.InvariantCulture));
        if (_request.Guidance is { } guidance)
            yield return new("guidance", guidance.ToString(CultureInfo.InvariantCulture));
        yield return new("model", job.Facts.ModelName);
        yield return new("software", _software);
    }

    private GenerationFinished Finish(ImageDenoising denoising) => new()
    {
        EncodeTime = _encodeTime.ToDuration(),
        DenoiseTime = denoising.Elapsed.ToDuration(),
        DecodeTime = _decodeTime.ToDuration(),
        QueueTime = job.Turn.Waited.ToDuration(),
        TotalTime = stages.Time.GetElapsedTime(job.Arrived).ToDuration(),
        ReplicaChanges = denoising.ReplicaChanges,
        RepeatedSteps = denoising.RepeatedSteps,
    };
}
