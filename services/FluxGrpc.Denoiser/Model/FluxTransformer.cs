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
    /// <exception cref="ArgumentException">The sizes do not fit each other.</exception>
    public FluxTransformer(TransformerConfig config, Device? device = null) : base(nameof(FluxTransformer))
    {
        ArgumentNullException.ThrowIfNull(config);
        config.Validate();
        Config = config;
        _imgIn = nn.Linear(config.InChannels, config.HiddenSize, device: device);
        _timeIn = new MlpEmbedder(config.SinusoidSize, config.HiddenSize, device);
        _guidanceIn = config.TakesGuidance ? new MlpEmbedder(config.SinusoidSize, config.HiddenSize, device) : null;
        _vectorIn = new MlpEmbedder(config.PooledSize, config.HiddenSize, device);
        _txtIn = nn.Linear(config.ContextSize, config.HiddenSize, device: device);
        _doubleBlocks = new([.. Enumerable.Range(0, config.DoubleBlockCount).Select(_ => new DoubleStreamBlock(config, device))]);
        _singleBlocks = new([.. Enumerable.Range(0, config.SingleBlockCount).Select(_ => new SingleStreamBlock(config, device))]);
        _finalLayer = new LastLayer(config, device);
        RegisterComponents();
    }

    /// <summary>Sizes.</summary>
    public TransformerConfig Config { get; }

    /// <summary>Number of learned parameters.</summary>
    public long ParameterCount => parameters().Sum(parameter => parameter.numel());

    /// <returns>Velocity [B, N, out channels], in the latents' dtype; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">Guidance is missing, or given to a model that takes none.</exception>
    public override Tensor forward(TransformerInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var textTokens = input.HiddenStates.shape[1];
        var rope = Rope.Table(input.Positions, Config.AxesSizes, Config.Theta);    // [B, 1, L + N, d/2]
        var vec = Condition(input);                                                // [B, D]
        var img = _imgIn.call(input.Latents);                                      // [B, N, D]
        var txt = _txtIn.call(input.HiddenStates);                                 // [B, L, D]

        foreach (var block in _doubleBlocks)
        {
            var (nextImg, nextTxt) = block.call(img, txt, vec, rope);
            Replace(ref img, nextImg);
            Replace(ref txt, nextTxt);
        }

        var tokens = cat([txt, img], dim: 1);                                      // [B, L + N, D]
        foreach (var block in _singleBlocks)
            Replace(ref tokens, block.call(tokens, vec, rope));

        var images = tokens.slice(1, textTokens, tokens.shape[1], 1);              // [B, N, D]
        return _finalLayer.call(images, vec).MoveToOuterDisposeScope();
    }

    /// <summary>The sum of what is known about the whole image: timestep, guidance, pooled text [B, D].</summary>
    private Tensor Condition(TransformerInput input)
    {
        if ((input.Guidance is null) == Config.TakesGuidance)
        {
            throw new ArgumentException(
                Config.TakesGuidance ? "guidance is required" : "this model takes no guidance", nameof(input));
        }

        using var scope = NewDisposeScope();
        var type = input.Latents.dtype;
        var vec = _timeIn.call(TimestepEmbedding.Compute(input.Timesteps, Config.SinusoidSize, type));
        if (_guidanceIn is not null)
            vec += _guidanceIn.call(TimestepEmbedding.Compute(input.Guidance!, Config.SinusoidSize, type));
        return (vec + _vectorIn.call(input.Pooled)).MoveToOuterDisposeScope();
    }

    /// <summary>Lets go of a block's input as soon as its output is there: dozens of them would add up to gigabytes.</summary>
    private static void Replace(ref Tensor current, Tensor next)
    {
        current.Dispose();
        current = next;
    }
}
