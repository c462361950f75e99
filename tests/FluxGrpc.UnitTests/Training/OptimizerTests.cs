using FluxGrpc.Training;
using FluxGrpc.Training.Optimization;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Training;

public sealed class OptimizerTests
{
    [Theory]
    [InlineData(24, 8, ScalarType.Float32)]
    [InlineData(8, 24, ScalarType.Float32)]
    [InlineData(16, 16, ScalarType.Float32)]
    [InlineData(16, 16, ScalarType.BFloat16)]
    public void Orthogonalized_singular_values_are_about_one(long rows, long columns, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4, CPU);
        var result = Optimizer.Orthogonalize(randn([rows, columns], generator: generator), type);

        var values = linalg.svdvals(result);

        Assert.InRange(values.min().item<float>(), 0.3f, 1.3f);
        Assert.InRange(values.max().item<float>(), 0.3f, 1.3f);
    }

    [Theory]
    [InlineData(40, 160)]
    [InlineData(160, 40)]
    public void What_is_made_from_the_gram_matrix_is_what_the_iteration_gives(long rows, long columns)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6, CPU);
        var decay = linspace(0, -5, columns).exp();    // Singular values of a gradient differ much.
        var matrix = randn([rows, columns], generator: generator) * decay;

        var iterated = Optimizer.Orthogonalize(matrix, ScalarType.Float64);
        var made = Optimizer.Orthogonalize(matrix, ScalarType.Float32);

        Assert.InRange((made - iterated).abs().max().item<float>(), 0, 1e-4f);
    }

    [Fact]
    public void Both_rules_learn_a_linear_map_from_both_workers_data()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        using var workers = new WorkerThreads(2);
        using var layer = nn.Linear(6, 4);
        var map = randn([6, 4], generator: generator);
        var inputs = randn([2, 32, 6], generator: generator);
        using var optimizer = new Optimizer(
            [new("weight", layer.weight, UpdateRule.Muon), new("bias", layer.bias!, UpdateRule.Adam)],
            new OptimizerSettings { MuonRate = (_, _) => 0.2, MuonMomentum = 0.9, AdamRate = 0.05, AverageDecay = 0.9, WarmUpSteps = 1 },
            workers);
        var schedule = new RateSchedule(0.3, 0.01);

        var losses = Enumerable.Range(0, 200).Select(step => optimizer.Step(
            worker => (layer.call(inputs[worker]) - inputs[worker].matmul(map) - 1).square().mean(), schedule.At(step / 200.0))).ToArray();

        Assert.True(losses[^1] < 0.01 * losses[0], $"{losses[0]} → {losses[^1]}");
    }

    [Fact]
    public void A_failure_in_a_worker_reaches_the_caller()
    {
        using var workers = new WorkerThreads(2);

        Assert.Throws<InvalidDataException>(() => workers.Run(worker =>
        {
            if (worker == 1)
                throw new InvalidDataException();
        }));
        workers.Run(_ => { });
    }

    [Fact]
    public void The_rate_is_constant_then_falls_to_the_last()
    {
        var schedule = new RateSchedule(0.6, 0.03);

        Assert.Equal(1, schedule.At(0.6));
        Assert.Equal(0.03, schedule.At(1), 6);
        Assert.InRange(schedule.At(0.8), 0.5, 0.53);
    }

    [Fact]
    public void Seeds_differ_by_step_and_worker() => Assert.Equal(2_000, Enumerable.Range(0, 1_000)
        .SelectMany(step => new[] { SeedSequence.At(1, step, 0), SeedSequence.At(1, step, 1) }).Distinct().Count());
}
