using FluxGrpc.Denoiser.Model;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser;

public sealed class NetworkSummaryTests
{
    [Fact]
    public void Rows_add_up_to_the_whole_at_full_size()
    {
        foreach (var config in new[] { TransformerConfig.FluxDev, TransformerConfig.FluxSchnell, TransformerConfig.Seed })
        {
            using var transformer = new FluxTransformer(config, META);
            var rows = NetworkSummary.Create(transformer, width: 1024, height: 512, textTokens: 256);

            Assert.Equal(transformer.ParameterCount, rows.Sum(row => row.ParameterCount));
            Assert.Equal(rows.Count, rows.Select(row => row.Module).Distinct().Count());
            Assert.All(rows, row => Assert.True(row.ParameterCount > 0, row.Module));
        }
    }

    [Fact]
    public void Shapes_are_those_of_a_real_run()
    {
        using var scope = NewDisposeScope();
        using var transformer = new FluxTransformer(SmallTransformer.Config);
        var seen = new Dictionary<string, (long[] Input, long[] Output)>();
        foreach (var (name, module) in transformer.named_modules())
        {
            if (module is nn.Module<Tensor, Tensor> layer)
            {
                layer.register_forward_hook((_, input, result) =>
                {
                    seen[name] = (input.shape, result.shape);
                    return result;
                });
            }
        }

        transformer.call(SmallTransformer.Input(samples: 1));

        var rows = NetworkSummary.Create(
            transformer, 16 * SmallTransformer.Columns, 16 * SmallTransformer.Rows, SmallTransformer.TextTokens);
        var compared = rows.Where(row => seen.ContainsKey(row.Module)).ToList();
        Assert.All(compared, row =>
        {
            Assert.Equal(seen[row.Module].Input, row.InputShape);
            Assert.Equal(seen[row.Module].Output, row.OutputShape);
        });
        Assert.Equal(
            [
                "guidance_in", "img_in", "img_mlp", "linear", "linear1", "linear2", "time_in", "txt_in",
                "txt_mlp", "vector_in",
            ],
            compared.Select(row => row.Module.Split('.')[^1]).Distinct().Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(0, 512, 1)]
    [InlineData(512, 17, 1)]
    [InlineData(512, 512, 0)]
    public void Sizes_that_no_image_has_are_refused(int width, int height, int textTokens)
    {
        using var transformer = new FluxTransformer(SmallTransformer.Config, META);

        Assert.ThrowsAny<ArgumentException>(() => NetworkSummary.Create(transformer, width, height, textTokens));
    }
}
