using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;
using NativeTensor = TorchSharp.torch.Tensor;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>Steps of several sessions in one forward pass: the numbers of each are those it has alone.</summary>
public sealed class BatchingTests(ITestOutputHelper output)
{
    private const string Model = "transformer_dev";
    private const int Sessions = 5;

    private static readonly float[] _timesteps = [1f, 0.8f, 0.6f, 0.4f, 0.2f];
    private static readonly float[] _guidances = [0f, 1.5f, 3.5f, 7f, 20f];

    [Theory]
    [InlineData("transformer_dev")]
    [InlineData("transformer_schnell")]
    public async Task A_batch_of_different_prompts_and_timesteps_gives_the_references_velocities(string model)
    {
        await using var server = await DenoiserFixture.StartAsync(model, options => options.MaxSessions = 3);
        using var golden = new GoldenMessages(model);

        var results = await InOnePassAsync(
            server, golden, [golden.Opening(0), golden.Opening(1)], [golden.Step(0), golden.Step(1)]);

        for (var sample = 0; sample < 2; sample++)
        {
            Assert.Equal(2, results[sample].BatchSize);
            var error = Difference.MaxAbs(TensorMessage.ToFloats(results[sample].Velocity), golden.Expected(sample));
            Bounds.Check(output, $"{model} sample {sample} of a batch", error, Bounds.Of(model, "out"));
            var mixed = Difference.MaxAbs(TensorMessage.ToFloats(results[sample].Velocity), golden.Expected(1 - sample));
            Bounds.CheckMissed(output, "another sample's velocity", mixed, Bounds.Of(model, "out"));
        }
    }

    [Fact]
    public async Task Each_session_of_a_large_batch_gets_what_it_gets_alone()
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options => options.MaxSessions = Sessions + 1);
        using var golden = new GoldenMessages(Model);
        var (openings, steps) = Varied(golden);

        var alone = await OneByOneAsync(server, openings, steps);
        var together = await InOnePassAsync(server, golden, openings, steps);

        for (var i = 0; i < Sessions; i++)
        {
            Assert.Equal((1, Sessions), (alone[i].BatchSize, together[i].BatchSize));
            var expected = TensorMessage.ToFloats(alone[i].Velocity);
            Bounds.Check(output, $"session {i}", Difference.MaxAbs(TensorMessage.ToFloats(together[i].Velocity), expected),
                Bounds.Of(Model, "out"));
            var neighbour = TensorMessage.ToFloats(together[(i + 1) % Sessions].Velocity);
            Bounds.CheckMissed(output, "its neighbour", Difference.MaxAbs(neighbour, expected), Bounds.Of(Model, "out"));
        }

        var load = await server.Client.GetLoadAsync(new GetLoadRequest());
        Assert.Equal((2 * Sessions + 1, Sessions + 2), (load.StepsDone, load.BatchesDone));
        Assert.Equal((Sessions, 8), (load.LastBatchSize, load.MaxBatchSize));
    }

    [Theory]
    [InlineData("plain", 1)] // Each step has a pass of its own.
    [InlineData("fused", Sessions)]
    [InlineData("onednn", Sessions)]
    public async Task Batch_invariant_gives_the_same_bytes_in_company(string kernels, int batchSize)
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options =>
        {
            options.MaxSessions = Sessions + 1;
            options.BatchInvariant = true;
            options.Kernels = kernels;
        });
        using var golden = new GoldenMessages(Model);
        var (openings, steps) = Varied(golden);

        var alone = await OneByOneAsync(server, openings, steps);
        var together = await InOnePassAsync(server, golden, openings, steps);

        Assert.Equal(alone.Select(result => result.Velocity), together.Select(result => result.Velocity));
        Assert.All(together, result => Assert.Equal(batchSize, result.BatchSize));
        var info = await server.Client.GetModelInfoAsync(new DenoiserServiceGetModelInfoRequest());
        Assert.Equal((batchSize > 1 ? 8 : 1, true), (info.MaxBatchSize, info.BatchInvariant));
        Assert.Equal(info.MaxBatchSize, (await server.Client.GetLoadAsync(new GetLoadRequest())).MaxBatchSize);
    }

    [Fact]
    public async Task A_session_that_overflows_does_not_touch_its_mates()
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options => options.MaxSessions = 3);
        using var golden = new GoldenMessages(Model);
        var huge = golden.Step(0);
        huge.Latents = TensorMessage.FromFloats(Enumerable.Repeat(float.MaxValue, 60 * 64).ToArray(), 1, 60, 64);

        var results = await InOnePassAsync(server, golden, [golden.Opening(0), golden.Opening(1)], [huge, golden.Step(1)]);

        Assert.Equal([2, 2], results.Select(result => result.BatchSize));
        Assert.False(TensorMessage.AllFinite(results[0].Velocity));
        var error = Difference.MaxAbs(TensorMessage.ToFloats(results[1].Velocity), golden.Expected(1));
        Bounds.Check(output, "beside NaN", error, Bounds.Of(Model, "out"));
    }

    [Fact]
    public async Task A_batch_that_fails_runs_again_one_by_one()
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options => options.MaxSessions = 3);
        using var golden = new GoldenMessages(Model);
        var first = server.Model.Transformer.named_modules().Single(entry => entry.name == "time_in").module;
        ((nn.Module<NativeTensor, NativeTensor>)first).register_forward_pre_hook((_, timesteps) => timesteps.shape[0] == 1
            ? timesteps
            : throw new InvalidOperationException("no memory for a batch"));
        var before = LiveTensors.CountSettled();

        var results = await InOnePassAsync(
            server, golden, [golden.Opening(0), golden.Opening(1)], [golden.Step(0), golden.Step(1)]);

        for (var sample = 0; sample < 2; sample++)
        {
            Assert.Equal(1, results[sample].BatchSize);
            var error = Difference.MaxAbs(TensorMessage.ToFloats(results[sample].Velocity), golden.Expected(sample));
            Bounds.Check(output, $"sample {sample}", error, Bounds.Of(Model, "out"));
        }

        await server.WaitUntilIdleAsync();
        Assert.Equal(before, LiveTensors.CountSettled());
    }

    [Fact]
    public async Task Batches_leave_no_tensor_when_their_sessions_end()
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options => options.MaxSessions = Sessions + 1);
        using var golden = new GoldenMessages(Model);
        var (openings, steps) = Varied(golden);
        var before = LiveTensors.CountSettled();

        for (var round = 0; round < 3; round++)
        {
            var together = await InOnePassAsync(server, golden, openings, steps);
            Assert.Equal(Sessions, together[0].BatchSize);
            await server.WaitUntilIdleAsync();
        }

        Assert.Equal(before, NativeTensor.TotalCount);
    }

    [Fact]
    public async Task A_cancelled_session_of_a_running_batch_does_not_break_the_others()
    {
        await using var server = await DenoiserFixture.StartAsync(Model);
        using var golden = new GoldenMessages(Model);
        using var gate = new StepGate(server.Model);
        var before = LiveTensors.CountSettled();
        var cancelled = await server.OpenAsync(golden.Opening(0));
        var mate = await server.OpenAsync(golden.Opening(1));
        await cancelled.SendAsync(golden.Step(0));
        await mate.SendAsync(golden.Step(1));
        await gate.BegunAsync();

        cancelled.Dispose();
        gate.Open();

        var result = (await mate.ReadAsync()).StepResult;
        var error = Difference.MaxAbs(TensorMessage.ToFloats(result.Velocity), golden.Expected(1));
        Bounds.Check(output, "the mate", error, Bounds.Of(Model, "out"));
        await mate.HalfCloseAsync();
        Assert.Equal(StatusCode.OK, await mate.EndAsync());
        await server.WaitUntilIdleAsync();
        Assert.Equal(before, NativeTensor.TotalCount);
    }

    [Fact]
    public async Task Interactive_steps_come_before_batch_ones()
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options => options.MaxSessions = 3);
        using var golden = new GoldenMessages(Model);
        using var gate = new StepGate(server.Model);
        using var running = await server.OpenAsync(golden.Opening(0));
        using var patient = await OpenAsync(Priority.Batch);
        using var urgent = await OpenAsync(Priority.Interactive);
        await running.SendAsync(At(1f));
        await gate.BegunAsync();
        await patient.SendAsync(At(0.25f));
        await server.WaitUntilAsync(load => load.WaitingSteps == 1);
        await urgent.SendAsync(At(0.75f));
        await server.WaitUntilAsync(load => load.WaitingSteps == 2);

        gate.Open();
        await patient.ReadAsync();

        Assert.Equal([[1f], [0.75f], [0.25f]], gate.Passes);
        Assert.NotNull((await urgent.ReadAsync()).StepResult);

        Task<DenoiseCall> OpenAsync(Priority priority)
        {
            var opening = golden.Opening(0);
            opening.Priority = priority;
            return server.OpenAsync(opening);
        }

        DenoiseStep At(float timestep)
        {
            var step = golden.Step(0);
            step.Timestep = timestep;
            return step;
        }
    }

    /// <summary>Openings and steps that differ in all that may differ: prompt, guidance, timestep, latents.</summary>
    private static (OpenSession[] Openings, DenoiseStep[] Steps) Varied(GoldenMessages golden)
    {
        var openings = new OpenSession[Sessions];
        var steps = new DenoiseStep[Sessions];
        for (var i = 0; i < Sessions; i++)
        {
            openings[i] = golden.Opening(i % 2);
            openings[i].Guidance = _guidances[i];
            steps[i] = golden.Step(i % 2);
            steps[i].Timestep = _timesteps[i];
        }

        return (openings, steps);
    }

    private static async Task<StepResult[]> OneByOneAsync(DenoiserFixture server, OpenSession[] openings, DenoiseStep[] steps)
    {
        var results = new StepResult[openings.Length];
        for (var i = 0; i < results.Length; i++)
        {
            using var call = await server.OpenAsync(openings[i]);
            results[i] = await call.StepAsync(steps[i]);
        }

        await server.WaitUntilIdleAsync();
        return results;
    }

    /// <summary>Lets the steps gather behind another session's; their own sessions end with the method.</summary>
    private static async Task<StepResult[]> InOnePassAsync(
        DenoiserFixture server, GoldenMessages golden, OpenSession[] openings, DenoiseStep[] steps)
    {
        using var gate = new StepGate(server.Model);
        using var first = await server.OpenAsync(golden.Opening(0));
        var calls = new DenoiseCall[openings.Length];
        for (var i = 0; i < calls.Length; i++)
            calls[i] = await server.OpenAsync(openings[i]);
        await first.SendAsync(golden.Step(0));
        await gate.BegunAsync();
        for (var i = 0; i < calls.Length; i++)
            await calls[i].SendAsync(steps[i]);
        await server.WaitUntilAsync(load => load.WaitingSteps == calls.Length);

        gate.Open();
        await first.ReadAsync();
        var results = new StepResult[calls.Length];
        for (var i = 0; i < calls.Length; i++)
        {
            results[i] = (await calls[i].ReadAsync()).StepResult;
            calls[i].Dispose();
        }

        return results;
    }
}
