using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>The flow transformer: latents, timestep and conditioning in, velocity out. Reference: <c>Flux</c>.</summary>
/// <remarks>
/// Letters of all shapes: B samples, L text tokens, N image tokens, T tokens (of either kind or both), D hidden size, H heads,
/// d = D/H head size, M middle of an MLP, C width of the T5 hidden states, P width of the CLIP vector.
/// </remarks>
public sealed class FluxTransformer : nn.Module<TransformerInput, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "img_in")] private readonly Linear _imgIn;
    [ComponentName(Name = "time_in")] private readonly MlpEmbedder _timeIn;
    [ComponentName(Name = "guidance_in")] private readonly MlpEmbedder? _guidanceIn;
    [ComponentName(Name = "vector_in")] private readonly MlpEmbedder _vectorIn;
    [ComponentName(Name = "txt_in")] private readonly Linear _txtIn;
    [ComponentName(Name = "double_blocks")] private readonly ModuleList<DoubleStreamBlock> _doubleBlocks;
    [ComponentName(Name = "single_blocks")] private readonly ModuleList<SingleStreamBlock> _singleBlocks;
    [ComponentName(Name = "final_layer")] private readonly LastLayer _finalLayer;

    /// <summary>Builds the network with random weights, or with none on the meta device.</summary>
    /// <param name="config">Sizes.</param>
    /// <param name="device">Device of the parameters.</param>
    /// <param name="kernels">How to compute; null is the plain way, the one with gradients.</param>
    /// <exception cref="ArgumentException">The sizes do not fit each other.</exception>
    public FluxTransformer(TransformerConfig config, Device? device = null, ComputeKernels? kernels = null)
        : base(nameof(FluxTransformer))
    {
        kernels ??= ComputeKernels.Plain;
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
        _kernels = kernels;
        _imgIn = nn.Linear(config.InChannels, config.HiddenSize, device: device);
        _timeIn = new MlpEmbedder(config.SinusoidSize, config.HiddenSize, kernels, device);
        _guidanceIn = config.TakesGuidance ? new MlpEmbedder(config.SinusoidSize, config.HiddenSize, kernels, device) : null;
        _vectorIn = new MlpEmbedder(config.PooledSize, config.HiddenSize, kernels, device);
        _txtIn = nn.Linear(config.ContextSize, config.HiddenSize, device: device);
        _doubleBlocks = new([.. Enumerable.Range(0, config.DoubleBlockCount).Select(_ => new DoubleStreamBlock(config, kernels, device))]);
        _singleBlocks = new([.. Enumerable.Range(0, config.SingleBlockCount).Select(_ => new SingleStreamBlock(config, kernels, device))]);
        _finalLayer = new LastLayer(config, kernels, device);
        RegisterComponents();
    }

    /// <summary>Sizes.</summary>
    public TransformerConfig Config { get; }

    /// <summary>Number of learned parameters.</summary>
    public long ParameterCount => parameters().Sum(parameter => parameter.numel());

    /// <summary>True where a sample's velocity does not depend on the others of its batch, to the last bit.</summary>
    /// <remarks>One head of few tokens is libtorch's attention on one thread, whose products then take several.</remarks>
    public bool IsBatchInvariant => Config.HeadCount > 1 && _kernels.IsBatchInvariant(this);

    /// <returns>Velocity [B, N, out channels], in the latents' dtype; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">Guidance is missing, or given to a model that takes none.</exception>
    public override Tensor forward(TransformerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var conditioning = Embed(input.HiddenStates, input.Pooled, input.Guidance, input.Positions);
        return Predict(input.Latents, input.Timesteps, conditioning).MoveToOuterDisposeScope();
    }

    /// <summary>Computes what does not change over the steps of an image.</summary>
    /// <param name="hiddenStates">T5 hidden states [B, L, C], in the parameters' dtype.</param>
    /// <param name="pooled">CLIP pooled vector [B, P], in the parameters' dtype.</param>
    /// <param name="guidance">Guidance strengths [B], float32; null where the model takes none.</param>
    /// <param name="positions">Positions of text and image tokens [B or 1, L + N, 3], from <see cref="Rope.Positions"/>.</param>
    /// <returns>The caller's, or its scope's, to dispose.</returns>
    /// <exception cref="ArgumentException">Guidance is missing, or given to a model that takes none.</exception>
    public Conditioning Embed(Tensor hiddenStates, Tensor pooled, Tensor? guidance, Tensor positions)
    {
        ArgumentNullException.ThrowIfNull(hiddenStates);
        if ((guidance is null) == Config.TakesGuidance)
        {
            throw new ArgumentException(
                Config.TakesGuidance ? "guidance is required" : "this model takes no guidance", nameof(guidance));
        }

        return new Conditioning(
            _kernels.Linear(_txtIn, hiddenStates),
            _vectorIn.call(pooled),
            guidance is null ? null : _guidanceIn!.call(TimestepEmbedding.Compute(guidance, Config.SinusoidSize, hiddenStates.dtype)),
            Rope.Table(positions, Config.AxesSizes, Config.Theta));
    }

    /// <summary>Predicts the velocity.</summary>
    /// <param name="latents">Packed latents [B, N, in channels], in the parameters' dtype.</param>
    /// <param name="timesteps">Timesteps t in [0, 1], [B], float32.</param>
    /// <param name="conditioning">From <see cref="Embed"/>, of the same B; stays as it is.</param>
    /// <param name="cancellation">Ends it between two blocks.</param>
    /// <returns>Velocity [B, N, out channels], in the latents' dtype; the caller disposes it.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Tensor Predict(Tensor latents, Tensor timesteps, Conditioning conditioning, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var streams = Begin(latents, timesteps, conditioning);
        var images = RunBlocks(streams, first: 0, cancellation);
        return _finalLayer.call(images, streams.Vec).MoveToOuterDisposeScope();
    }

    /// <summary>Predicts the velocity; samples with a cache may skip all blocks but the first.</summary>
    /// <param name="latents">Packed latents [B, N, in channels], in the parameters' dtype.</param>
    /// <param name="timesteps">Timesteps t in [0, 1], [B], float32.</param>
    /// <param name="conditioning">From <see cref="Embed"/>, of the same B; stays as it is.</param>
    /// <param name="caches">One for each sample; null computes it in any case.</param>
    /// <param name="cancellation">Ends it between two blocks; the caches are of no use then.</param>
    /// <returns>Velocity [B, N, out channels], which the caller disposes, and which samples skipped blocks.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public (Tensor Velocity, bool[] Reused) Predict(
        Tensor latents, Tensor timesteps, Conditioning conditioning, IReadOnlyList<FirstBlockCache?> caches,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(caches);
        if (_doubleBlocks.Count == 0 || caches.All(cache => cache is null))
            return (Predict(latents, timesteps, conditioning, cancellation), new bool[caches.Count]);

        using var scope = NewDisposeScope();
        var streams = Begin(latents, timesteps, conditioning);
        var (img, text) = _doubleBlocks[0].Images(streams.Img, streams.Txt, streams.Vec, streams.Rope);
        var change = img - streams.Img;                                            // [B, N, D]
        var guesses = caches.Select((cache, sample) => cache?.Guess(Sample(change, sample))).ToArray();
        var reused = Array.ConvertAll(guesses, guess => guess is not null);

        var images = Enumerable.Range(0, caches.Count).Select(sample => Sample(img, sample)).ToArray();
        var computed = Enumerable.Range(0, caches.Count).Where(sample => !reused[sample]).ToArray();
        var blocks = computed.Length == 0 ? null : RunBlocks(
            (streams with { Img = img, Txt = _doubleBlocks[0].Texts(streams.Txt, text) }).Select(computed), first: 1,
            cancellation);
        foreach (var sample in Enumerable.Range(0, caches.Count).Except(computed))
            images[sample] = images[sample] + guesses[sample]!;
        foreach (var (row, sample) in computed.Index())
        {
            var final = Sample(blocks!, row);
            caches[sample]?.Store(Sample(change, sample), final - images[sample]);
            images[sample] = final;
        }

        var joined = computed.Length == caches.Count ? blocks! : cat(images);
        return (_finalLayer.call(joined, streams.Vec).MoveToOuterDisposeScope(), reused);
    }

    /// <summary>The two streams before the first block.</summary>
    private Streams Begin(Tensor latents, Tensor timesteps, Conditioning conditioning)
    {
        ArgumentNullException.ThrowIfNull(latents);
        ArgumentNullException.ThrowIfNull(conditioning);
        var vec = _timeIn.call(TimestepEmbedding.Compute(timesteps, Config.SinusoidSize, latents.dtype));
        if (conditioning.Guidance is { } guidance)
            vec += guidance;
        vec += conditioning.Pooled;                                                // In the reference's order: rounding tells.
        // The blocks let go of what they are given.
        return new Streams(_kernels.Linear(_imgIn, latents), conditioning.Text.alias(), vec, conditioning.Rope);
    }

    /// <summary>Runs the double blocks from one on, then the single blocks.</summary>
    /// <returns>Image tokens [B, N, D].</returns>
    private Tensor RunBlocks(Streams streams, int first, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var (img, txt, vec, rope) = streams;
        var textTokens = txt.shape[1];
        foreach (var block in _doubleBlocks.Skip(first))
        {
            cancellation.ThrowIfCancellationRequested();
            var (nextImg, nextTxt) = block.call(img, txt, vec, rope);
            Replace(ref img, nextImg);
            Replace(ref txt, nextTxt);
        }

        var tokens = cat([txt, img], dim: 1);                                      // [B, L + N, D]
        foreach (var block in _singleBlocks)
        {
            cancellation.ThrowIfCancellationRequested();
            Replace(ref tokens, block.call(tokens, vec, rope));
        }

        return tokens.slice(1, textTokens, tokens.shape[1], 1).MoveToOuterDisposeScope();
    }

    private static Tensor Sample(Tensor batch, int index) => batch.narrow(0, index, 1);

    /// <summary>Lets go of a block's input as soon as its output is there: dozens of them would add up to gigabytes.</summary>
    private static void Replace(ref Tensor current, Tensor next)
    {
        current.Dispose();
        current = next;
    }

    /// <param name="Img">Image tokens [B, N, D].</param>
    /// <param name="Txt">Text tokens [B, L, D].</param>
    /// <param name="Vec">Conditioning vector [B, D].</param>
    /// <param name="Rope">Rotations [B or 1, 1, L + N, d/2].</param>
    private readonly record struct Streams(Tensor Img, Tensor Txt, Tensor Vec, Tensor Rope)
    {
        /// <summary>Some of the samples.</summary>
        public Streams Select(int[] samples)
        {
            if (samples.Length == Img.shape[0])
                return this;
            var rows = tensor(samples, ScalarType.Int64, Img.device);
            return new Streams(
                Img.index_select(0, rows), Txt.index_select(0, rows), Vec.index_select(0, rows),
                Rope.shape[0] == 1 ? Rope : Rope.index_select(0, rows));
        }
    }
}
