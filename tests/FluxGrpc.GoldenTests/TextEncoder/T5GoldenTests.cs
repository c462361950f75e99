using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.TextEncoder;

/// <summary>The T5 encoder against the reference, and the reference's list of mistakes made on purpose.</summary>
public sealed class T5GoldenTests : IDisposable
{
    // MANIFEST.md recommends 5e-5; 8e-6 leaves room for another processor's order of sums.
    private const double Bound = 8e-6;

    private readonly ITestOutputHelper _output;
    private readonly TextEncoderFolder _folder = new();
    private readonly GoldenFile _golden = GoldenFolder.Open("t5_io.safetensors");
    private readonly ComputeDevice _device = ComputeDevice.Open("cpu", "float32");
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly T5Encoder _model;

    public T5GoldenTests(ITestOutputHelper output)
    {
        _output = output;
        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.T5);
        _model = new T5Encoder(T5Config.Read(checkpoint), META);
        checkpoint.LoadInto(_model, _device);
    }

    public void Dispose()
    {
        _model.Dispose();
        _scope.Dispose();
        _golden.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Last_hidden_state_matches_the_reference() => Assert.InRange(Error("last_hidden_state"), 0, Bound);

    [Fact]
    public void Relative_position_buckets_match_the_reference()
    {
        var positions = _golden.Integers("relative_position");

        Assert.Equal(_golden.Integers("relative_position_bucket"),
            positions.Select(position => RelativePosition.Bucket(position, 32, 128)));
    }

    [Fact]
    public void Relative_position_buckets_of_the_wrong_direction_miss()
    {
        var positions = _golden.Integers("relative_position");

        Assert.NotEqual(_golden.Integers("relative_position_bucket"),
            positions.Select(position => RelativePosition.Bucket(-position, 32, 128)));
    }

    [Fact]
    public void Scores_divided_by_the_root_of_the_head_size_miss() => AssertMissed(() =>
        EditWeights("SelfAttention.q.weight", weight => weight / Math.Sqrt(16)));

    [Fact]
    public void Erf_gelu_misses() => AssertMissed(() =>
    {
        foreach (var feedForward in _model.modules().OfType<T5FeedForward>())
        {
            var layers = feedForward.named_children().ToDictionary(child => child.name, child => (Linear)child.module);
            feedForward.register_forward_hook((_, hidden, _) =>
                layers["wo"].call(nn.functional.gelu(layers["wi_0"].call(hidden)) * layers["wi_1"].call(hidden)));
        }
    });

    // The sign of a position decides which half of the table it is looked up in; position 0 stays in row 0.
    [Fact]
    public void Flipped_relative_positions_miss() => AssertMissed(() =>
        EditWeights("relative_attention_bias.weight", table => cat([table[..1], table[17..], table[16..17], table[1..16]])));

    [Fact]
    public void Norm_weights_left_at_one_miss() => AssertMissed(() => EditWeights("layer_norm.weight", weight => ones_like(weight)));

    [Fact]
    public void Masked_padding_misses()
    {
        // Positions enter relatively, so a row without its padding is what a row with masked padding is.
        const int Length = 23;
        var ids = _golden["input_ids"][..1, ..Length];
        var expected = _golden["last_hidden_state"][..1, ..Length];

        var error = Difference.MaxAbs(_model.call(ids), expected);

        _output.WriteLine($"{error:e1}");
        Assert.InRange(error, 100 * Bound, double.PositiveInfinity);
    }

    [Fact]
    public void Nothing_outlives_a_forward_pass_but_its_result()
    {
        using var ids = _golden["input_ids"].DetachFromDisposeScope();
        _model.call(ids).Dispose();
        var before = LiveTensors.CountSettled();

        var result = _model.call(ids).DetachFromDisposeScope();

        Assert.Equal(before + 1, Tensor.TotalCount);
        result.Dispose();
    }

    [Fact]
    public void A_cancelled_pass_ends_between_two_blocks_and_leaves_nothing()
    {
        using var ids = _golden["input_ids"].DetachFromDisposeScope();
        using var cancellation = new CancellationTokenSource();
        _model.modules().OfType<T5Block>().First().register_forward_hook(_ => cancellation.Cancel());
        _model.modules().OfType<T5Block>().Last().register_forward_pre_hook(_ => Assert.Fail("The last block ran"));
        var before = LiveTensors.CountSettled();

        Assert.ThrowsAny<OperationCanceledException>(() => _model.Encode(ids, cancellation.Token));

        Assert.Equal(before, Tensor.TotalCount);
    }

    /// <summary>On the CPU, which has the same operators.</summary>
    [Fact]
    public void What_a_gpu_computes_with_matches_the_reference()
    {
        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.T5);
        using var model = new T5Encoder(T5Config.Read(checkpoint), META, ComputeKernels.For(DeviceType.CUDA, ComputeKernels.Auto));
        checkpoint.LoadInto(model, _device);
        Assert.InRange(Difference.MaxAbs(model.call(_golden["input_ids"]), _golden["last_hidden_state"]), 0, Bound);
    }

    [Theory]
    [InlineData(DeviceType.CPU, "plain")]
    [InlineData(DeviceType.CUDA, "auto")]
    public void Bfloat16_stays_near_the_reference(DeviceType kernelsOf, string kernels)
    {
        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.T5);
        using var model = new T5Encoder(T5Config.Read(checkpoint), META, ComputeKernels.For(kernelsOf, kernels));
        checkpoint.LoadInto(model, ComputeDevice.Open("cpu", "bfloat16"));

        var result = model.call(_golden["input_ids"]);

        Assert.Equal(ScalarType.BFloat16, result.dtype);
        var error = (result.to(float32) - _golden["last_hidden_state"]).abs().mean().item<float>();
        _output.WriteLine($"mean abs {error:e1}");
        Assert.InRange(error, 0, 0.03);
    }

    private void AssertMissed(Action err)
    {
        err();
        Assert.InRange(Error("mistaken"), 10 * Bound, double.PositiveInfinity);
    }

    private double Error(string name)
    {
        var error = Difference.MaxAbs(_model.call(_golden["input_ids"]), _golden["last_hidden_state"]);
        _output.WriteLine($"{name} {error:e1}, bound {Bound:e1}");
        return error;
    }

    private void EditWeights(string suffix, Func<Tensor, Tensor> edit)
    {
        // The parameters are the mapped file itself, which cannot be written to: they are replaced.
        foreach (var module in _model.modules())
        {
            foreach (var (name, parameter) in module.named_parameters(recurse: false).ToArray())
            {
                var key = _model.named_parameters().First(pair => ReferenceEquals(pair.parameter, parameter)).name;
                if (!key.EndsWith(suffix, StringComparison.Ordinal))
                    continue;
                var edited = new Parameter(edit(parameter), requires_grad: false);
                if (module is ILoadableParameters loadable)
                    loadable.SetParameter(name, edited);
                else
                    module.GetType().GetProperty(name)!.SetValue(module, edited);
            }
        }
    }
}
