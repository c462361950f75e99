using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Orchestrator.Tier;
using FluxGrpc.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace FluxGrpc.Orchestrator;

/// <summary>
/// Carries out one request: prompt to conditioning, noise to latents, latents to PNG. Images are denoised side by side as far as the
/// denoisers gain by that (<see cref="ImagesAtOnce"/>). While some are denoised, those before are drawn, where autoencoder and denoiser
/// do not compute on the same processors.
/// </summary>
/// <param name="job">What to do.</param>
/// <param name="stages">What it goes through.</param>
internal sealed class Generation(GenerationJob job, GenerationStages stages)
{
    private const string Cpu = "cpu";

    private static readonly string _software = $"FluxGrpc {typeof(Generation).Assembly.GetName().Version!.ToString(3)}";

    private readonly GenerationRequest _request = job.Request;
    private readonly StageClock _drawing = new(stages.Time);
    private readonly DrawnInOrder _pictures = new();
    private TimeSpan _encodeTime;

    /// <summary>Makes the images, telling each event as it happens; each image goes on up to its next event meanwhile.</summary>
    /// <exception cref="RpcException">A service failed; see <see cref="ComponentErrors"/>.</exception>
    /// <exception cref="InvalidDataException">A service answered nonsense.</exception>
    /// <exception cref="OperationCanceledException">The caller is gone.</exception>
    public async IAsyncEnumerable<GenerateResponse> RunAsync()
    {
        yield return new GenerateResponse { Accepted = Accept() };

        await foreach (var place in job.Turn.WaitForTurnAsync(job.Options.CancellationToken))
            yield return new GenerateResponse { Queued = place };

        var (conditioning, cached, negative) = await EncodeAsync();
        yield return new GenerateResponse { Encoded = Describe(conditioning, cached) };

        var picture = _request.Start is { } start
            ? await stages.PictureEncoder.EncodeAsync(start.Pixels, _request.Grid, job.Facts.Vae, job.Options)
            : null;
        var order = new DenoisingOrder(_request, job.Facts, conditioning, negative);
        await using var images = new ImagesInHand(job.Options.CancellationToken);
        var denoising = new ImageDenoising(
            order, stages.Tier, job.Options.WithCancellationToken(images.End), job.Turn, stages.Time);
        for (var begun = 0; begun < _request.Count || images.Count > 0;)
        {
            for (; begun < _request.Count && MayBegin(images); begun++)
                images.Begin(MakeAsync(begun, Begin(begun, picture), denoising));
            if (await images.NextAsync() is { } happened)
                yield return happened;
        }

        yield return new GenerateResponse { Finished = Finish(denoising) };
    }

    /// <summary>True where another image is worth beginning beside those in hand.</summary>
    private bool MayBegin(ImagesInHand images)
    {
        var drawn = _drawing.Count;
        return (drawn == 0 || DrawsBeside) && images.Count - drawn < ImagesAtOnce.Count(
            stages.Tier.Denoisers.Replicas, job.Facts.Denoiser.Component.Fingerprint, _request, stages.Options.ImagesPerDenoiser);
    }

    /// <summary>
    /// On a shared CPU the two only get in each other's way (0.77 times the images/s on two cores); a recording ends with its image.
    /// </summary>
    private bool DrawsBeside => !_request.IncludeTensors
        && (job.Facts.Vae.Component.Device != Cpu || job.Facts.Denoiser.Component.Device != Cpu);

    /// <summary>Makes one image; null comes when its steps are done, and another one may have its place at the denoiser.</summary>
    private async IAsyncEnumerable<GenerateResponse?> MakeAsync(
        int index, DenoisingImage image, ImageDenoising denoising, [EnumeratorCancellation] CancellationToken end = default)
    {
        await foreach (var progress in DenoiseAsync(denoising, index, image))
            yield return progress;
        _pictures.Begin(index);
        var drawing = _drawing.MeasureAsync(() => DrawAsync(index, image, end));
        yield return null;
        var picture = await drawing;
        await _pictures.WaitForEarlierAsync(index, end);
        yield return new GenerateResponse { Image = picture };
        _pictures.End(index);
    }

    private GenerationAccepted Accept() => new()
    {
        RequestId = _request.Id,
        Settings = _request.ToSettings(),
        ModelName = job.Facts.ModelName,
        RandomWeights = job.Facts.RandomWeights,
    };

    private async Task<(TextEncoderServiceEncodeResponse Encoded, bool Cached, TextEncoderServiceEncodeResponse? Negative)> EncodeAsync()
    {
        using var span = OrchestratorActivity.Source.StartActivity("encode");
        var started = stages.Time.GetTimestamp();
        var encoding = EncodeAsync(_request.Prompt, _request.T5Prompt);
        var negative = _request.Sampling.NegativePrompt is { } text ? (await EncodeAsync(text, t5Prompt: null)).Encoded : null;
        var (conditioning, cached) = await encoding;
        _encodeTime = stages.Time.GetElapsedTime(started);
        span?.SetTag("flux.cached", cached);
        return (conditioning, cached, negative);
    }

    private Task<(TextEncoderServiceEncodeResponse Encoded, bool Cached)> EncodeAsync(string prompt, string? t5Prompt) =>
        stages.Encoder.EncodeAsync(prompt, t5Prompt, _request.MaxTokens, job.Facts, job.Options);

    private DenoisingImage Begin(int index, float[]? picture)
    {
        var (seed, sampler) = (_request.SeedOf(index), _request.Sampling.Sampler);
        return picture is null
            ? DenoisingImage.FromNoise(_request.Grid, _request.Timesteps, job.Facts.Vae.LatentChannels, seed, sampler)
            : DenoisingImage.FromPicture(_request.Grid, _request.Timesteps, picture, seed, sampler);
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

    private async Task<GeneratedImage> DrawAsync(int index, DenoisingImage image, CancellationToken cancellation)
    {
        using var span = OrchestratorActivity.Source.StartActivity("decode");
        span?.SetTag("flux.image_index", index);
        var options = job.Options.WithCancellationToken(cancellation);
        var pixels = await stages.Decoder.DecodeAsync(image, job.Facts.Vae.Component.Fingerprint, options);
        var settings = new Dictionary<string, string>(Settings(_request.SeedOf(index)));
        var file = PictureFile.Encode(_request.Format, pixels.Data.Span, image.Grid.Width, image.Grid.Height, settings);
        return new GeneratedImage
        {
            ImageIndex = index,
            Data = UnsafeByteOperations.UnsafeWrap(file.Data),
            MediaType = file.MediaType,
            Seed = _request.SeedOf(index),
        };
    }

    /// <summary>What it takes to make the picture again.</summary>
    private IEnumerable<KeyValuePair<string, string>> Settings(ulong seed)
    {
        yield return new("prompt", _request.Prompt);
        if (_request.T5Prompt is { } t5Prompt)
            yield return new("t5_prompt", t5Prompt);
        if (_request.Sampling.NegativePrompt is { } negativePrompt)
        {
            yield return new("negative_prompt", negativePrompt);
            yield return new("true_cfg_scale", Text(_request.Sampling.TrueCfgScale));
        }

        yield return new("seed", Text(seed));
        yield return new("steps", Text(_request.Steps));
        yield return new("sampler", _request.Sampling.Sampler.ToString());
        if (_request.HasOwnSigmas)
            yield return new("sigmas", string.Join(' ', _request.Timesteps.Select(Text)));
        if (_request.Guidance is { } guidance)
            yield return new("guidance", Text(guidance));
        if (_request.Start is { } start)
            yield return new("strength", Text(start.Strength));
        if (_request.Sampling.StepCacheThreshold is { } threshold)
            yield return new("step_cache_threshold", Text(threshold));
        yield return new("max_tokens", Text(_request.MaxTokens));
        yield return new("model", job.Facts.ModelName);
        yield return new("software", _software);
    }

    private static string Text<T>(T number)
        where T : IFormattable => number.ToString(null, CultureInfo.InvariantCulture);

    private GenerationFinished Finish(ImageDenoising denoising) => new()
    {
        EncodeTime = _encodeTime.ToDuration(),
        DenoiseTime = denoising.Elapsed.ToDuration(),
        DecodeTime = _drawing.Elapsed.ToDuration(),
        QueueTime = job.Turn.Waited.ToDuration(),
        TotalTime = stages.Time.GetElapsedTime(job.Arrived).ToDuration(),
        ReplicaChanges = denoising.ReplicaChanges,
        RepeatedSteps = denoising.RepeatedSteps,
        ReusedSteps = denoising.ReusedSteps,
    };
}
