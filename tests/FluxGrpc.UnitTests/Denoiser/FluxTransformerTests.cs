using System.Text.Json;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser;

/// <summary>The modules' keys, shapes and sizes at full size, on the meta device.</summary>
public sealed class FluxTransformerTests
{
    private static readonly JsonElement _counts = JsonDocument.Parse(File.ReadAllBytes(GoldenFolder.PathOf("params.json"))).RootElement;

    public static TheoryData<string> Variants => ["flux_dev", "flux_schnell", "flux_dev_depth_2_2"];

    [Theory]
    [InlineData("flux_dev")]
    [InlineData("flux_schnell")]
    public void Keys_and_shapes_are_the_official_checkpoints(string variant)
    {
        using var transformer = new FluxTransformer(Config(variant), META);

        var actual = transformer.named_parameters().Select(pair => $"{pair.name} [{string.Join(", ", pair.parameter.shape)}]");

        var expected = GoldenFolder.Keys($"{variant}_keys.json.gz").Select(entry => $"{entry.Key} [{string.Join(", ", entry.Shape)}]");
        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
        Assert.Empty(transformer.named_buffers());
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Every_module_has_the_references_number_of_parameters(string variant)
    {
        using var transformer = new FluxTransformer(Config(variant), META);

        Assert.Equal(_counts.GetProperty(variant).GetProperty("total").GetInt64(), transformer.ParameterCount);
        foreach (var (module, expected) in Modules(_counts.GetProperty(variant)))
            Assert.Equal((module, expected), (module, Count(transformer, $"{module}.")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_pass_that_is_cancelled_ends_between_two_blocks_and_frees_its_tensors(bool cached)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var transformer = new FluxTransformer(SmallTransformer.Config);
        using var cancellation = new CancellationTokenSource();
        transformer.modules().OfType<DoubleStreamBlock>().Last().register_forward_hook((_, _, _, _, _, result) =>
        {
            cancellation.Cancel();
            return result;
        });
        transformer.modules().OfType<SingleStreamBlock>().First().register_forward_pre_hook(
            (_, _, _, _) => throw new InvalidOperationException("The next block ran"));
        var input = SmallTransformer.Input(samples: 1);
        var conditioning = transformer.Embed(input.HiddenStates, input.Pooled, input.Guidance, input.Positions);
        using var cache = new FirstBlockCache(0.1f);
        var before = LiveTensors.CountSettled();

        Assert.ThrowsAny<OperationCanceledException>(() => transformer.Predict(
            input.Latents, input.Timesteps, conditioning, [cached ? cache : null], cancellation.Token));

        Assert.Equal(before, Tensor.TotalCount);
    }

    [Theory]
    [InlineData("double_block", "double_blocks.1.")]
    [InlineData("single_block", "single_blocks.0.")]
    [InlineData("final_layer", "final_layer.")]
    public void Every_part_of_a_block_has_the_references_number_of_parameters(string block, string prefix)
    {
        using var transformer = new FluxTransformer(TransformerConfig.Seed, META);

        Assert.Equal(_counts.GetProperty(block).GetProperty("total").GetInt64(), Count(transformer, prefix));
        foreach (var (module, expected) in Modules(_counts.GetProperty(block)))
            Assert.Equal((module, expected), (module, Count(transformer, $"{prefix}{module}.")));
    }

    [Theory]
    [InlineData("flux-dev-fill")]
    [InlineData("flux-dev-canny")]
    public void Variants_with_more_channels_in_have_the_references_number_of_parameters(string variant)
    {
        var facts = _counts.GetProperty("other_variants").GetProperty(variant);
        var config = TransformerConfig.FluxDev with { InChannels = facts.GetProperty("params").GetProperty("in_channels").GetInt64() };

        using var transformer = new FluxTransformer(config, META);

        Assert.Equal(facts.GetProperty("total").GetInt64(), transformer.ParameterCount);
        Assert.Equal(facts.GetProperty("img_in").GetInt64(), Count(transformer, "img_in."));
    }

    [Fact]
    public void Building_and_disposing_leaves_no_tensor()
    {
        var before = LiveTensors.CountSettled();

        var transformer = new FluxTransformer(TransformerConfig.Seed, META);
        var parameters = transformer.parameters().Count();
        transformer.Dispose();

        // TorchSharp counts a tensor that was made a parameter twice and uncounts it once.
        Assert.Equal(before + parameters, Tensor.TotalCount);
    }

    [Fact]
    public void A_model_built_in_a_dispose_scope_outlives_it()
    {
        FluxTransformer transformer;
        using (NewDisposeScope())
            transformer = new FluxTransformer(SmallTransformer.Config);

        using (transformer)
            Assert.All(transformer.parameters(), parameter => Assert.False(parameter.IsInvalid));
    }

    [Fact]
    public void A_prediction_leaves_its_result_and_nothing_else()
    {
        using var noGradients = no_grad();
        using var transformer = new FluxTransformer(SmallTransformer.Config);
        using var scope = NewDisposeScope();
        var input = SmallTransformer.Input(samples: 2);
        var before = LiveTensors.CountSettled();

        var velocity = transformer.call(input);

        Assert.Equal(before + 1, Tensor.TotalCount);
        Assert.Equal([2, 6, 8], velocity.shape);
    }

    [Fact]
    public void Samples_of_a_batch_do_not_see_each_other()
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        using var transformer = new FluxTransformer(SmallTransformer.Config);
        var both = SmallTransformer.Input(samples: 2);

        var together = transformer.call(both);
        var second = transformer.call(both with
        {
            Latents = both.Latents[1..],
            HiddenStates = both.HiddenStates[1..],
            Pooled = both.Pooled[1..],
            Timesteps = both.Timesteps[1..],
            Guidance = both.Guidance![1..],
        });

        Assert.InRange(Difference.MaxAbs(together[1..], second), 0, 1e-5);
        Assert.NotInRange(Difference.MaxAbs(together[..1], second), 0, 1e-2);
    }

    [Fact]
    public void Gradients_reach_every_parameter()
    {
        using var scope = NewDisposeScope();
        using var transformer = new FluxTransformer(SmallTransformer.Config);

        transformer.call(SmallTransformer.Input(samples: 2)).square().mean().backward();

        Assert.All(transformer.named_parameters(), pair =>
            Assert.True(pair.parameter.grad is { } gradient && gradient.abs().sum().item<float>() > 0, pair.name));
    }

    [Fact]
    public void Guidance_must_be_there_exactly_where_it_is_taken()
    {
        using var scope = NewDisposeScope();
        using var guided = new FluxTransformer(SmallTransformer.Config);
        using var unguided = new FluxTransformer(SmallTransformer.Config with { TakesGuidance = false });
        var input = SmallTransformer.Input(samples: 1);

        Assert.Throws<ArgumentException>(() => guided.call(input with { Guidance = null }));
        Assert.Throws<ArgumentException>(() => unguided.call(input));
    }

    private static TransformerConfig Config(string variant) => variant switch
    {
        "flux_dev" => TransformerConfig.FluxDev,
        "flux_schnell" => TransformerConfig.FluxSchnell,
        _ => TransformerConfig.Seed,
    };

    private static IEnumerable<(string Module, long Count)> Modules(JsonElement counts) =>
        counts.GetProperty("modules").EnumerateObject().Select(module => (module.Name, module.Value.GetInt64()));

    private static long Count(FluxTransformer transformer, string prefix) => transformer.named_parameters()
        .Where(pair => pair.name.StartsWith(prefix, StringComparison.Ordinal)).Sum(pair => pair.parameter.numel());
}
