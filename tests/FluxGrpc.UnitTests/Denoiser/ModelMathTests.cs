using FluxGrpc.Denoiser.Model;
using FluxGrpc.Testing;
using FluxGrpc.Torch.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser;

/// <summary>The functions that the network is made of, against their definitions.</summary>
public sealed class ModelMathTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Fact]
    public void Positions_are_the_origin_for_text_and_row_and_column_for_patches()
    {
        var positions = Rope.Positions(textTokens: 2, rows: 2, columns: 3);

        Assert.Equal([1, 8, 3], positions.shape);
        Assert.Equal(
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 1, 0, 0, 1, 1, 0, 1, 2],
            positions.data<float>().ToArray());
    }

    [Fact]
    public void Adjacent_elements_are_turned_by_the_angle_of_their_pair()
    {
        var positions = tensor([0f, 3f, 0f]).reshape(1, 1, 3);
        var table = Rope.Table(positions, [2, 4, 2], theta: 100);
        var x = tensor([1f, 0, 1, 0, 0, 1, 1, 0]).reshape(1, 1, 1, 8);

        var turned = PlainKernels.Turn(x, table).data<float>().ToArray();

        var slow = 3 / Math.Sqrt(100);
        double[] expected = [1, 0, Math.Cos(3), Math.Sin(3), -Math.Sin(slow), Math.Cos(slow), 1, 0];
        Assert.All(expected.Zip(turned), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    }

    [Fact]
    public void Only_the_distance_of_two_tokens_counts()
    {
        using var generator = new Generator(1, CPU);
        var (query, key) = (randn([1, 1, 1, 12], generator: generator), randn([1, 1, 1, 12], generator: generator));
        double Product(float queryRow, float keyRow)
        {
            Tensor Turn(Tensor x, float row) => PlainKernels.Turn(x, Rope.Table(tensor([0f, row, 0f]).reshape(1, 1, 3), [4, 4, 4], 10_000));
            return (Turn(query, queryRow) * Turn(key, keyRow)).sum().item<float>();
        }

        Assert.Equal(Product(2, 5), Product(40, 43), 1e-4);
        Assert.NotEqual(Product(2, 5), Product(2, 6), 1e-2);
    }

    [Fact]
    public void Rotation_keeps_the_type_and_computes_in_float32()
    {
        var table = Rope.Table(Rope.Positions(0, 4, 4), [4, 4, 4], 10_000);
        var x = randn(1, 2, 16, 12).to(ScalarType.BFloat16);

        var turned = PlainKernels.Turn(x, table);

        Assert.Equal(ScalarType.BFloat16, turned.dtype);
        Assert.Equal(0, Difference.MaxAbs(turned, PlainKernels.Turn(x.to(ScalarType.Float32), table).to(ScalarType.BFloat16)));
    }

    [Fact]
    public void A_timestep_becomes_cosines_then_sines()
    {
        var embedding = TimestepEmbedding.Compute(tensor([0f, 0.002f]), size: 4, ScalarType.Float32).data<float>().ToArray();

        double[] expected = [1, 1, 0, 0, Math.Cos(2), Math.Cos(0.02), Math.Sin(2), Math.Sin(0.02)];
        Assert.All(expected.Zip(embedding), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    }

    [Fact]
    public void Modulation_norms_with_epsilon_one_millionth_then_scales_and_shifts()
    {
        // Variance 1e-6 makes the epsilon as large as the variance: 1/√2. With 1e-5 it would be 1/√11.
        var x = tensor([1e-3f, -1e-3f]).reshape(1, 1, 2);

        var modulated = ComputeKernels.Plain.NormModulate(x, shift: full(1, 1, 2, 5f), scale: full(1, 1, 2, 2f)).data<float>().ToArray();

        Assert.Equal(5 + 3 / Math.Sqrt(2), modulated[0], 1e-4);
        Assert.Equal(5 - 3 / Math.Sqrt(2), modulated[1], 1e-4);
    }

    [Fact]
    public void Root_mean_square_norm_has_epsilon_one_millionth_and_a_scale()
    {
        var normed = PlainKernels.RmsNorm(tensor([1e-3f, -1e-3f]), tensor([2f, 4f])).data<float>().ToArray();

        Assert.Equal(2 / Math.Sqrt(2), normed[0], 1e-4);
        Assert.Equal(-4 / Math.Sqrt(2), normed[1], 1e-4);
    }

    [Fact]
    public void A_replaced_parameter_is_registered_and_the_old_one_freed()
    {
        using var norm = new RmsNorm(3);
        var old = norm.parameters().Single();

        norm.SetParameter("scale", new Parameter(zeros(3)));

        Assert.True(old.IsInvalid);
        var (name, parameter) = Assert.Single(norm.named_parameters());
        Assert.Equal("scale", name);
        Assert.Equal(0, parameter.sum().item<float>());
        Assert.Throws<ArgumentException>(() => norm.SetParameter("weight", parameter));
    }

    [Fact]
    public void Projections_are_query_key_value_then_head_then_element()
    {
        var projection = arange(12, dtype: ScalarType.Float32).reshape(1, 1, 12);    // 3 × 2 heads × 2

        var heads = QueryKeyValue.Split(projection, headSize: 2);

        Assert.Equal([1, 2, 1, 2], heads.Query.shape);
        Assert.Equal([0, 1, 2, 3], heads.Query.contiguous().data<float>().ToArray());
        Assert.Equal([4, 5, 6, 7], heads.Key.contiguous().data<float>().ToArray());
        Assert.Equal([8, 9, 10, 11], heads.Value.contiguous().data<float>().ToArray());
    }
}
