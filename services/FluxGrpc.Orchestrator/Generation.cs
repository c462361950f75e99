using System.Globalization;
using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Conditioning;
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
/// <param name="request">What to do.</param>
/// <param name="facts">The models, as the request was checked against.</param>
/// <param name="tier">The services.</param>
/// <param name="turn">Its turn in the queue.</param>
/// <param name="options">Deadline and cancellation of the caller, passed on to every call.</param>
/// <param name="time">Measures the stages.</param>
internal sealed class Generation(
    GenerationRequest request, ModelFacts facts, ModelTier tier, Turn turn, CallOptions options, TimeProvider time)
{
    private static readonly string _software = $"FluxGrpc {typeof(Generation).Assembly.GetName().Version!.ToString(3)}";

    private readonly PromptEncoder _encoder = new(tier);
    private readonly ImageDecoder _decoder = new(tier);
    private TimeSpan _encodeTime;
    private TimeSpan _decodeTime;

    /// <summary>Does the work as the caller asks for the events, which come in the order of the contract.</summary>
    /// <param name="arrived">When the call arrived: the clock's timestamp.</param>
    /// <exception cref="RpcException">A service failed; see <see cref="ComponentErrors"/>.</exception>
    /// <exception cref="InvalidDataException">A service answered nonsense.</exception>
    /// <exception cref="OperationCanceledException">The caller is gone.</exception>
    public async IAsyncEnumerable<GenerateResponse> RunAsync(long arrived)
    {
        yield return new GenerateResponse { Accepted = Accept() };

        await foreach (var place in turn.WaitForTurnAsync(options.CancellationToken))
            yield return new GenerateResponse { Queued = place };

        var conditioning = await EncodeAsync();
        yield return new GenerateResponse { Encoded = Describe(conditioning) };

        var denoising = new ImageDenoising(new DenoisingOrder(request, facts, conditioning), tier, options, turn, time);
        for (var i = 0; i < request.Count; i++)
        {
            var image = DenoisingImage.FromNoise(request.Grid, request.Timesteps, facts.Vae.LatentChannels, request.SeedOf(i));
            await foreach (var progress in denoising.RunAsync(i, image))
            {
                if (progress.EventCase == GenerateResponse.EventOneofCase.Step)
                    turn.Done(request.StepWork);
                yield return progress;
            }

            yield return new GenerateResponse { Image = await DrawAsync(i, image) };
        }

        yield return new GenerateResponse { Finished = Finish(denoising, arrived) };
    }

    private GenerationAccepted Accept() => new()
    {
        RequestId = request.Id,
        Settings = request.ToSettings(),
        ModelName = facts.ModelName,
        RandomWeights = facts.RandomWeights,
    };

    private async Task<TextEncoderServiceEncodeResponse> EncodeAsync()
    {
        var started = time.GetTimestamp();
        var conditioning = await _encoder.EncodeAsync(request, facts, options);
        _encodeTime = time.GetElapsedTime(started);
        return conditioning;
    }

    private PromptEncoded Describe(TextEncoderServiceEncodeResponse conditioning) => new()
    {
        T5Usage = conditioning.T5Usage,
        ClipUsage = conditioning.ClipUsage,
        Elapsed = _encodeTime.ToDuration(),
        HiddenStates = request.IncludeTensors ? conditioning.HiddenStates : null,
        Pooled = request.IncludeTensors ? conditioning.Pooled : null,
    };

    private async Task<GeneratedImage> DrawAsync(int index, DenoisingImage image)
    {
        var started = time.GetTimestamp();
        var pixels = await _decoder.DecodeAsync(image, options);
        var png = PngWriter.Encode(pixels.Data.Span, image.Grid.Width, image.Grid.Height, Texts(request.SeedOf(index)));
        _decodeTime += time.GetElapsedTime(started);
        return new GeneratedImage
        {
            ImageIndex = index,
            Data = UnsafeByteOperations.UnsafeWrap(png),
            MediaType = "image/png",
            Seed = request.SeedOf(index),
        };
    }

    private IEnumerable<KeyValuePair<string, string>> Texts(ulong seed)
    {
        yield return new("prompt", request.Prompt);
        yield return new("seed", seed.ToString(CultureInfo.InvariantCulture));
        yield return new("steps", request.Steps.ToString(CultureInfo.InvariantCulture));
        if (request.Guidance is { } guidance)
            yield return new("guidance", guidance.ToString(CultureInfo.InvariantCulture));
        yield return new("model", facts.ModelName);
        yield return new("software", _software);
    }

    private GenerationFinished Finish(ImageDenoising denoising, long arrived) => new()
    {
        EncodeTime = _encodeTime.ToDuration(),
        DenoiseTime = denoising.Elapsed.ToDuration(),
        DecodeTime = _decodeTime.ToDuration(),
        QueueTime = turn.Waited.ToDuration(),
        TotalTime = time.GetElapsedTime(arrived).ToDuration(),
    };
}
