using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Hosting;
using FluxGrpc.Torch;
using FluxGrpc.V1;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser;

/// <summary>The loaded transformer on its device; all computation runs on its one thread.</summary>
internal sealed class DenoiserModel : IDisposable
{
    private const int WarmUpRows = 2;
    private const int WarmUpTextTokens = 2;

    private readonly ComputeDevice _device;
    private readonly TimeProvider _time;
    private readonly ComponentInfo _facts;
    private readonly BatchConditionings _conditionings = new();

    private DenoiserModel(
        ComputeThread thread, ComputeDevice device, FluxTransformer transformer, ComponentInfo facts, TimeProvider time)
    {
        Thread = thread;
        _device = device;
        Transformer = transformer;
        _facts = facts;
        _time = time;
        IsBatchInvariant = transformer.IsBatchInvariant;
    }

    /// <summary>Sizes of the transformer.</summary>
    public TransformerConfig Config => Transformer.Config;

    /// <summary>The checkpoint's kind.</summary>
    public FluxVariant Variant => VariantOf(Config);

    /// <summary>Equal fingerprints give equal bytes for equal requests.</summary>
    public string Fingerprint => _facts.Fingerprint;

    /// <summary>True where a step's velocity does not depend on the steps in its forward pass, to the last bit.</summary>
    public bool IsBatchInvariant { get; }

    /// <summary>The transformer; only <see cref="Thread"/> computes with it.</summary>
    public FluxTransformer Transformer { get; }

    /// <summary>The thread that computes.</summary>
    public ComputeThread Thread { get; }

    /// <summary>Reads a checkpoint onto its device and runs a first, small step.</summary>
    /// <exception cref="ArgumentException">There is no such device.</exception>
    /// <exception cref="InvalidDataException">The checkpoint cannot be read, or is of a kind that is not served.</exception>
    public static async Task<DenoiserModel> LoadAsync(
        DenoiserOptions options, TimeProvider time, LoadingLog loading, CancellationToken cancellation)
    {
        var device = ComputeDevice.Open(options.Device, options.Dtype, options.Kernels, options.WeightDtype);
        var thread = new ComputeThread();
        try
        {
            return await thread.RunAsync(() => Load(options, device, thread, time, loading, cancellation), cancellation);
        }
        catch
        {
            thread.Dispose();
            throw;
        }
    }

    /// <summary>Facts for GetModelInfo.</summary>
    public ComponentInfo Describe(long maxMessageBytes) => new(_facts) { MaxMessageBytes = maxMessageBytes };

    /// <summary>Copies a session's conditioning to the device, and computes what stays the same over its steps.</summary>
    public Task<Conditioning> ConditionAsync(SessionOpening opening, CancellationToken cancellation) => Thread.RunAsync(() =>
    {
        using var scope = NewDisposeScope();
        return Transformer.Embed(
            TensorConversion.ToTorch(opening.HiddenStates, _device.Device, _device.Type),
            TensorConversion.ToTorch(opening.Pooled, _device.Device, _device.Type),
            opening.Guidance is { } guidance ? tensor([guidance], ScalarType.Float32, _device.Device) : null,
            Rope.Positions(opening.TextTokens, opening.Rows, opening.Columns, _device.Device)).DetachFromDisposeScope();
    }, cancellation);

    /// <summary>Frees a conditioning; its session has no step on the device.</summary>
    public void Release(Conditioning conditioning)
    {
        _conditionings.Forget(conditioning);
        conditioning.Dispose();
    }

    /// <summary>Predicts the velocities of steps with equal keys in one forward pass; cancelled, it ends between two blocks.</summary>
    public Task<BatchResult> PredictVelocitiesAsync(
        IReadOnlyList<ScheduledStep> steps, CancellationToken cancellation) => Thread.RunAsync(() =>
    {
        var started = _time.GetTimestamp();
        var conditioning = _conditionings.Join([.. steps.Select(step => step.Member.Conditioning)]);
        var latents = steps.Select(step => TensorConversion.ToTorch(step.Step.Latents, _device.Device, _device.Type)).ToArray();
        var timesteps = tensor(steps.Select(step => step.Step.Timestep).ToArray(), ScalarType.Float32, _device.Device);
        var batch = latents.Length == 1 ? latents[0] : cat(latents);                     // [B, N, C]
        var (onDevice, reused) = Transformer.Predict(
            batch, timesteps, conditioning, [.. steps.Select(step => step.Member.Cache)], cancellation);
        var velocities = onDevice.to(CPU);                                               // [B, N, C], one copy for all
        var outgoing = steps.Select((step, sample) => TensorConversion.ToMessage(
            velocities.slice(0, sample, sample + 1, 1).to(TensorConversion.ToScalarType(step.Step.Latents.DataType)))).ToArray();
        return new BatchResult(outgoing, reused, started, _time.GetElapsedTime(started));
    }, cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        Thread.Dispose();
        _conditionings.Dispose();
        Transformer.Dispose();
    }

    private static DenoiserModel Load(DenoiserOptions options, ComputeDevice device, ComputeThread thread, TimeProvider time,
        LoadingLog loading, CancellationToken cancellation)
    {
        using var checkpoint = Checkpoint.Open(options.Checkpoint, ModelComponent.Transformer);
        var config = TransformerConfigReader.Read(checkpoint);
        CheckServed(config, checkpoint.Name);
        var transformer = new FluxTransformer(config, META, device.Kernels);
        try
        {
            checkpoint.LoadInto(transformer, device, loading.Note, cancellation);
            WarmUp(transformer, device, cancellation);
            var facts = new ComponentInfo
            {
                ModelName = checkpoint.Name,
                ParameterCount = transformer.ParameterCount,
                ComputeDataType = TensorConversion.ToDataType(device.Type),
                Device = device.Name,
                ComputeKernels = device.Kernels.Name,
                Fingerprint = checkpoint.Fingerprint(VariantOf(config).ToString(), device),
                CheckpointLayout = checkpoint.Layout.WireName(),
                RandomWeights = checkpoint.Config.TryGetBool("_random_weights") ?? false,
            };
            return new DenoiserModel(thread, device, transformer, facts, time);
        }
        catch
        {
            transformer.Dispose();
            throw;
        }
    }

    private static FluxVariant VariantOf(TransformerConfig config) =>
        config.TakesGuidance ? FluxVariant.Dev : FluxVariant.Schnell;

    private static void CheckServed(TransformerConfig config, string name)
    {
        if (config.InChannels != config.OutChannels)
        {
            throw new InvalidDataException($"'{name}' takes {config.InChannels} channels and gives {config.OutChannels}, as "
                + "FLUX.1 Fill, Canny and Depth do; only text-to-image transformers (as many in as out) are served");
        }
    }

    /// <summary>The first step of a process is slow: libtorch picks its kernels and makes its threads.</summary>
    private static void WarmUp(FluxTransformer transformer, ComputeDevice device, CancellationToken cancellation)
    {
        var config = transformer.Config;
        using var scope = NewDisposeScope();
        var conditioning = transformer.Embed(
            zeros([1, WarmUpTextTokens, config.ContextSize], device.Type, device.Device),
            zeros([1, config.PooledSize], device.Type, device.Device),
            config.TakesGuidance ? ones(1, ScalarType.Float32, device.Device) : null,
            Rope.Positions(WarmUpTextTokens, WarmUpRows, WarmUpRows, device.Device));
        var latents = zeros([1, WarmUpRows * WarmUpRows, config.InChannels], device.Type, device.Device);
        transformer.Predict(latents, ones(1, ScalarType.Float32, device.Device), conditioning, cancellation);
    }
}
