using System.Security.Cryptography;
using System.Text;
using FluxGrpc.Checkpoints;
using FluxGrpc.Hosting;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Torch;
using FluxGrpc.V1;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace FluxGrpc.TextEncoder;

/// <summary>Both loaded models, their tokenizers, and the thread that computes with them.</summary>
internal sealed class TextEncoderModel : IDisposable
{
    private const int DefaultMaxTokens = 512;
    private const int FingerprintDigits = 32;

    private readonly T5Encoder _t5;
    private readonly ClipTextModel _clip;
    private readonly ComputeThread _thread;
    private readonly ComputeDevice _device;
    private readonly TimeProvider _time;

    private TextEncoderModel(T5Encoder t5, ClipTextModel clip, ComputeThread thread, ComputeDevice device, TimeProvider time)
    {
        _t5 = t5;
        _clip = clip;
        _thread = thread;
        _device = device;
        _time = time;
    }

    /// <summary>What it takes.</summary>
    public required TextEncoderLimits Limits { get; init; }

    /// <summary>Turn prompts into ids.</summary>
    public required PromptTokenizers Tokenizers { get; init; }

    /// <summary>What it is, for callers; do not change it.</summary>
    public required TextEncoderServiceGetModelInfoResponse Info { get; init; }

    /// <summary>The type it computes in.</summary>
    public DataType ComputeType => TensorConversion.ToDataType(_device.Type);

    /// <summary>Loads what the options name and computes once.</summary>
    /// <exception cref="InvalidDataException">A checkpoint or a tokenizer is not what this service can run.</exception>
    /// <exception cref="IOException">A file is not readable.</exception>
    public static async Task<TextEncoderModel> LoadAsync(
        TextEncoderOptions options, ComputeDevice device, TimeProvider time, ILogger logger, LoadingLog loading,
        CancellationToken cancellation)
    {
        var thread = new ComputeThread();
        try
        {
            return await thread.RunAsync(() => Load(options, device, time, logger, thread, loading, cancellation), cancellation);
        }
        catch
        {
            thread.Dispose();
            throw;
        }
    }

    /// <summary>Encodes checked ids. Stops between two of T5's blocks when cancelled.</summary>
    /// <returns>Hidden states [1, L, C] and pooled vector [1, P] in the reply type, which the caller disposes.</returns>
    public Task<(OutgoingTensor HiddenStates, OutgoingTensor Pooled, TimeSpan Elapsed)> EncodeAsync(
        EncodeInput input, CancellationToken cancellation) => _thread.RunAsync(() =>
        {
            var started = _time.GetTimestamp();
            var type = TensorConversion.ToScalarType(input.ReplyType);
            var (_, pooled) = _clip.call(ToTensor(input.ClipIds, _device));
            var hiddenStates = _t5.Encode(ToTensor(input.T5Ids, _device), cancellation);
            return (TensorConversion.ToMessage(hiddenStates.to(type)), TensorConversion.ToMessage(pooled.to(type)),
                _time.GetElapsedTime(started));
        }, cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        _thread.Dispose();
        _t5.Dispose();
        _clip.Dispose();
    }

    private static TextEncoderModel Load(
        TextEncoderOptions options, ComputeDevice device, TimeProvider time, ILogger logger, ComputeThread thread, LoadingLog loading,
        CancellationToken cancellation)
    {
        using var t5Checkpoint = Checkpoint.Open(options.T5Source, ModelComponent.T5);
        using var clipCheckpoint = Checkpoint.Open(options.ClipSource, ModelComponent.ClipText);
        var t5Config = T5Config.Read(t5Checkpoint);
        var clipConfig = ClipConfig.Read(clipCheckpoint);
        var tokenizers = PromptTokenizers.Load(options, t5Checkpoint, clipCheckpoint);
        tokenizers.CheckVocabularies(t5Config.VocabularySize, clipConfig.VocabularySize,
            options.AllowVocabularyMismatch ? problem => logger.LogWarning("{Problem}", problem) : null);

        // What the tokenizer ends prompts with is where to pool; config.json may be wrong about it.
        if (tokenizers.Clip is { } clipTokenizer && clipTokenizer.EndId < clipConfig.VocabularySize)
            clipConfig = clipConfig with { EndTokenId = clipTokenizer.EndId };

        var t5 = new T5Encoder(t5Config, META, device.Kernels);
        var clip = new ClipTextModel(clipConfig, META, device.Kernels);
        try
        {
            t5Checkpoint.LoadInto(t5, device, loading.Note, cancellation);
            clipCheckpoint.LoadInto(clip, device, loading.Note, cancellation);
            WarmUp(t5, clip, clipConfig.EndTokenId, device, cancellation);
        }
        catch
        {
            t5.Dispose();
            clip.Dispose();
            throw;
        }

        var limits = new TextEncoderLimits(options.MaxPromptLength,
            MaxTokens: tokenizers.T5?.ModelMaxLength ?? DefaultMaxTokens,
            MaxClipTokens: clipConfig.PositionCount,
            t5Config.VocabularySize, clipConfig.VocabularySize, clipConfig.EndTokenId);
        return new TextEncoderModel(t5, clip, thread, device, time)
        {
            Limits = limits,
            Tokenizers = tokenizers,
            Info = new TextEncoderServiceGetModelInfoResponse
            {
                Component = Describe([t5Checkpoint, clipCheckpoint], options, device,
                    Fingerprint(t5Checkpoint.Fingerprint($"{t5Config}", device), clipCheckpoint.Fingerprint($"{clipConfig}", device),
                        $"{limits.MaxTokens}", tokenizers.T5?.Digest, tokenizers.Clip?.Digest)),
                HiddenSize = t5Config.HiddenSize,
                PooledSize = clipConfig.HiddenSize,
                MaxTokens = limits.MaxTokens,
                MaxClipTokens = limits.MaxClipTokens,
                MaxPromptLength = limits.MaxPromptLength,
                T5VocabularySize = limits.T5VocabularySize,
                ClipVocabularySize = limits.ClipVocabularySize,
            },
        };
    }

    /// <summary>The first computation chooses kernels and allocates workspace: callers need not wait for that.</summary>
    private static void WarmUp(T5Encoder t5, ClipTextModel clip, int endId, ComputeDevice device, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        t5.Encode(ToTensor([0, 0], device), cancellation);
        clip.call(ToTensor([endId, endId], device));
    }

    private static Tensor ToTensor(IReadOnlyList<int> ids, ComputeDevice device) =>
        tensor([.. ids], [1, ids.Count], ScalarType.Int64, device.Device);

    private static ComponentInfo Describe(
        Checkpoint[] checkpoints, TextEncoderOptions options, ComputeDevice device, string fingerprint) => new()
        {
            ModelName = string.Join('+', checkpoints.Select(checkpoint => checkpoint.Name).Distinct()),
            ParameterCount = checkpoints.Sum(checkpoint => checkpoint.ParameterCount),
            ComputeDataType = TensorConversion.ToDataType(device.Type),
            Device = device.Name,
            ComputeKernels = device.Kernels.Name,
            Fingerprint = fingerprint,
            CheckpointLayout = string.Join('+', checkpoints.Select(checkpoint => checkpoint.Layout.WireName()).Distinct()),
            MaxMessageBytes = options.MaxMessageBytes,
            RandomWeights = checkpoints.Any(checkpoint => checkpoint.Config.TryGetBool("_random_weights") ?? false),
        };

    /// <summary>All that the bytes of an answer depend on: both models and how prompts become ids.</summary>
    private static string Fingerprint(params IEnumerable<string?> parts) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts))))[..FingerprintDigits];
}
