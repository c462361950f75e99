using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>
/// Each row of MANIFEST.md's table of common mistakes, made on purpose: it must miss the bound that the right output keeps. A
/// mistake is made by changing weights or inputs into those for which the right network gives the wrong one's output. LayerNorm
/// with eps 1e-5 changes less than the bound; a unit test tells that one.
/// </summary>
public sealed class TransformerMistakeTests(ITestOutputHelper output)
{
    private static readonly Dictionary<string, Func<GoldenTransformer, Tensor>> _mistakes = new()
    {
        ["rope pairs as halves"] = golden => WithWeights(golden, PairHalves),
        ["query/key norm scales left at 1"] = golden => WithWeights(golden, Set("_norm.scale", scale => ones_like(scale))),
        ["qkv biases dropped"] = golden => WithWeights(golden, Set("attn.qkv.bias", bias => zeros_like(bias))),
        ["final shift/scale swapped"] = golden => WithWeights(golden, Set("adaLN_modulation.1.",
            both => cat([.. both.chunk(2).Reverse()]))),
        ["erf GELU instead of tanh GELU"] = golden => WithWeights(golden, (_, _) => { }, new ExactGelu()),
        ["row and column ids swapped"] = golden => WithInput(golden, input => input with
        {
            Positions = input.Positions.index_select(2, tensor([0L, 2L, 1L])),
        }),
        ["guidance ignored (4.0 for all)"] = golden => WithInput(golden, input => input with
        {
            Guidance = full_like(input.Guidance!, 4.0),
        }),
        ["time factor 1 instead of 1000"] = golden => WithInput(golden, input => input with
        {
            Timesteps = input.Timesteps / TimestepEmbedding.TimeFactor,
        }),
        ["the two samples share the first timestep"] = golden => WithInput(golden, input => input with
        {
            Timesteps = input.Timesteps[..1].expand(2),
        }),
    };

    public static TheoryData<string, string> Mistakes()
    {
        var data = new TheoryData<string, string>();
        foreach (var mistake in _mistakes.Keys)
        {
            data.Add("transformer_dev", mistake);
            if (!mistake.StartsWith("guidance", StringComparison.Ordinal))
                data.Add("transformer_schnell", mistake);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_misses_the_bound(string model, string mistake)
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        using var golden = new GoldenTransformer(model);

        var wrong = _mistakes[mistake](golden);

        Bounds.CheckMissed(output, $"{model}: {mistake}", Difference.MaxAbs(wrong, golden.Io["out"]), Bounds.Of(model, "out"));
    }

    [Fact]
    public void Copied_weights_alone_are_no_mistake()
    {
        using var scope = NewDisposeScope();
        using var noGradients = no_grad();
        using var golden = new GoldenTransformer("transformer_dev");

        var right = WithWeights(golden, (_, _) => { });

        Bounds.Check(output, "copy", Difference.MaxAbs(right, golden.Io["out"]), Bounds.Of("transformer_dev", "out"));
    }

    private static Tensor WithInput(GoldenTransformer golden, Func<TransformerInput, TransformerInput> change) =>
        golden.Module.call(change(golden.Input()));

    private static Tensor WithWeights(GoldenTransformer golden,
        Action<FluxTransformer, IEnumerable<(string Name, Parameter Value)>> change, ComputeKernels? kernels = null)
    {
        using var transformer = golden.Copy(kernels);
        change(transformer, transformer.named_parameters());
        return transformer.call(golden.Input());
    }

    private static Action<FluxTransformer, IEnumerable<(string Name, Parameter Value)>> Set(
        string part, Func<Tensor, Tensor> change) =>
        (_, parameters) =>
        {
            var chosen = parameters.Where(parameter => parameter.Name.Contains(part, StringComparison.Ordinal)).ToList();
            Assert.NotEmpty(chosen);
            chosen.ForEach(parameter => parameter.Value.copy_(change(parameter.Value)));
        };

    /// <summary>
    /// Rotating (x₀, x_d/2), (x₁, x_d/2+1), … is rotating adjacent pairs of the elements in another order. Queries and keys in
    /// the same other order have the same products, so reordering the rows that make them is making the mistake.
    /// </summary>
    private static void PairHalves(FluxTransformer transformer, IEnumerable<(string Name, Parameter Value)> parameters)
    {
        var (heads, size) = (transformer.Config.HeadCount, transformer.Config.HeadSize);
        var order = tensor([.. Enumerable.Range(0, (int)size).Select(i => i % 2 == 0 ? i / 2 : i / 2 + size / 2)]);
        foreach (var (name, parameter) in parameters)
        {
            if (name.EndsWith("_norm.scale", StringComparison.Ordinal))
            {
                parameter.copy_(parameter.index_select(0, order));
            }
            else if (name.Contains("attn.qkv.", StringComparison.Ordinal) || name.Contains(".linear1.", StringComparison.Ordinal))
            {
                var queriesAndKeys = parameter.narrow(0, 0, 2 * heads * size).view(2, heads, size, -1);
                queriesAndKeys.copy_(queriesAndKeys.index_select(2, order));
            }
        }
    }

    private sealed class ExactGelu : PlainKernels
    {
        protected override Tensor Gelu(Tensor x) => nn.functional.gelu(x, GELU.Approximate.none);
    }
}
