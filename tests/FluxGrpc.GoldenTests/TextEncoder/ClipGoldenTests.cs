using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Torch;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.TextEncoder;

/// <summary>The CLIP text model against the reference, and the reference's list of mistakes made on purpose.</summary>
public sealed class ClipGoldenTests : IDisposable
{
    // MANIFEST.md recommends 2e-5.
    private const double Bound = 6e-6;

    private readonly ITestOutputHelper _output;
    private readonly TextEncoderFolder _folder = new();
    private readonly GoldenFile _golden = GoldenFolder.Open("clip_io.safetensors");
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly ClipTextModel _model;

    public ClipGoldenTests(ITestOutputHelper output)
    {
        _output = output;
        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.ClipText);
        _model = new ClipTextModel(ClipConfig.Read(checkpoint), META);
        checkpoint.LoadInto(_model, ComputeDevice.Open("cpu", "float32"));
    }

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
        _golden.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Last_hidden_state_matches_the_reference() => Assert.InRange(HiddenError(), 0, Bound);

    [Fact]
    public void Pooled_output_matches_the_reference()
    {
        var (_, pooled) = _model.call(_golden["input_ids"]);

        Assert.InRange(PooledError(pooled), 0, Bound);
    }

    [Fact]
    public void Erf_gelu_misses()
    {
        foreach (var mlp in _model.modules().OfType<ClipMlp>())
        {
            var layers = Children(mlp);
            mlp.register_forward_hook((_, hidden, _) => layers["fc2"].call(nn.functional.gelu(layers["fc1"].call(hidden))));
        }

        Assert.InRange(HiddenError(), 100 * Bound, double.PositiveInfinity);
    }

    [Fact]
    public void Attention_without_the_causal_mask_misses()
    {
        foreach (var attention in _model.modules().OfType<ClipAttention>())
        {
            var layers = Children(attention);
            attention.register_forward_hook((_, hidden, _) =>
            {
                var (query, key, value) = (Heads(layers["q_proj"]), Heads(layers["k_proj"]), Heads(layers["v_proj"]));
                var attended = nn.functional.scaled_dot_product_attention(query, key, value);
                return layers["out_proj"].call(attended.transpose(1, 2).flatten(2));

                Tensor Heads(Linear layer) => layer.call(hidden).unflatten(2, [4, 12]).transpose(1, 2);
            });
        }

        Assert.InRange(HiddenError(), 100 * Bound, double.PositiveInfinity);
    }

    [Fact]
    public void Pooling_at_the_last_position_misses()
    {
        var (hidden, _) = _model.call(_golden["input_ids"]);

        Assert.InRange(PooledError(hidden[.., -1]), 100 * Bound, double.PositiveInfinity);
    }

    [Fact]
    public void Nothing_outlives_a_forward_pass_but_its_results()
    {
        using var ids = _golden["input_ids"].DetachFromDisposeScope();
        var before = LiveTensors.CountSettled();

        var (hidden, pooled) = _model.call(ids);

        Assert.Equal(before + 2, Tensor.TotalCount);
        hidden.Dispose();
        pooled.Dispose();
    }

    private static Dictionary<string, Linear> Children(nn.Module module) =>
        module.named_children().ToDictionary(child => child.name, child => (Linear)child.module);

    private double HiddenError()
    {
        var (hidden, _) = _model.call(_golden["input_ids"]);
        return Print("last_hidden_state", Difference.MaxAbs(hidden, _golden["last_hidden_state"]));
    }

    private double PooledError(Tensor pooled) => Print("pooler_output", Difference.MaxAbs(pooled, _golden["pooler_output"]));

    private double Print(string name, double error)
    {
        _output.WriteLine($"{name} {error:e1}, bound {Bound:e1}");
        return error;
    }
}
