using FluxGrpc.Denoiser.Model;
using FluxGrpc.Training.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>The transformer with both text encoders: what the flow is learned with.</summary>
internal sealed class FlowModel : IDisposable
{
    private readonly ScalarType _computeType;

    /// <summary>Makes the model with first weights.</summary>
    /// <param name="tokenizerFolder">Folder with <c>tokenizer</c> (CLIP) and <c>tokenizer_2</c> (T5).</param>
    /// <param name="seed">Seed of the weights.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="computeType">Type to compute in.</param>
    public FlowModel(string tokenizerFolder, int seed, Device device, ScalarType computeType)
    {
        _computeType = computeType;
        Text = new TextEncoders(Path.Combine(tokenizerFolder, "tokenizer_2"), Path.Combine(tokenizerFolder, "tokenizer"), device);
        Transformer = new FluxTransformer(MiniModel.Transformer, device);
        using var generator = new Generator((ulong)(uint)seed, device);
        foreach (var module in (nn.Module[])[Transformer, Text.T5, Text.Clip])
        {
            FlowInitialization.Apply(module, generator);
            module.to(computeType);
        }
    }

    public FluxTransformer Transformer { get; }

    public TextEncoders Text { get; }

    /// <summary>The transformer's parameters as something to learn.</summary>
    public IEnumerable<LearnedParameter> LearnTransformer() => Learn("transformer", Transformer, "_blocks.");

    /// <summary>The text encoders' parameters as something to learn.</summary>
    public IEnumerable<LearnedParameter> LearnText() => [.. LearnT5(), .. Learn("text_encoder", Text.Clip, ".layers.")];

    /// <summary>The T5 encoder's parameters as something to learn.</summary>
    public IEnumerable<LearnedParameter> LearnT5() => Learn("text_encoder_2", Text.T5, ".block.");

    /// <summary>Predicts the velocity.</summary>
    /// <param name="latents">x at t [B, N, 64], float32.</param>
    /// <param name="timesteps">t [B], float32.</param>
    /// <param name="guidance">Strength of the guidance [B], float32.</param>
    /// <param name="text">Hidden states [B, L, C] and pooled vector [B, P], from <see cref="TextEncoders.Encode"/>.</param>
    /// <param name="positions">[1, L + N, 3].</param>
    /// <returns>[B, N, 64], float32.</returns>
    public Tensor Velocity(Tensor latents, Tensor timesteps, Tensor guidance, (Tensor HiddenStates, Tensor Pooled) text, Tensor positions)
    {
        using var scope = NewDisposeScope();
        return Transformer.call(new TransformerInput
        {
            Latents = latents.to(_computeType),
            HiddenStates = text.HiddenStates,
            Pooled = text.Pooled,
            Timesteps = timesteps,
            Guidance = guidance,
            Positions = positions,
        }).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>Takes over the weights of a model of the same sizes.</summary>
    public void CopyFrom(FlowModel other)
    {
        Transformer.load_state_dict(other.Transformer.state_dict());
        Text.T5.load_state_dict(other.Text.T5.state_dict());
        Text.Clip.load_state_dict(other.Text.Clip.state_dict());
    }

    public void Dispose()
    {
        Transformer.Dispose();
        Text.Dispose();
    }

    /// <summary>Matrices of the blocks learn by Muon; embeddings, the layers at the ends, norms and biases by Adam.</summary>
    private static IEnumerable<LearnedParameter> Learn(string prefix, nn.Module module, string blocks) => module.named_parameters()
        .Select(entry => new LearnedParameter($"{prefix}.{entry.name}", entry.parameter, IsBlockMatrix(entry.name, entry.parameter, blocks)
            ? UpdateRule.Muon
            : UpdateRule.Adam));

    private static bool IsBlockMatrix(string name, Tensor parameter, string blocks) => parameter.dim() == 2
        && name.Contains(blocks, StringComparison.Ordinal) && !name.Contains("relative_attention_bias", StringComparison.Ordinal);
}
