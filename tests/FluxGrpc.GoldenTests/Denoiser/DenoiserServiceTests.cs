using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Xunit;
using Xunit.Abstractions;
using NativeTensor = TorchSharp.torch.Tensor;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>The denoiser over gRPC: the reference's numbers, and what happens to whoever breaks the protocol or goes away.</summary>
public sealed class DenoiserServiceTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("transformer_dev")]
    [InlineData("transformer_schnell")]
    public async Task Velocities_are_the_references(string model)
    {
        await using var server = await DenoiserFixture.StartAsync(model);
        using var golden = new GoldenMessages(model);

        for (var sample = 0; sample < 2; sample++)
        {
            using var call = await server.OpenAsync(golden.Opening(sample));
            var result = await call.StepAsync(golden.Step(sample));

            var error = Difference.MaxAbs(TensorMessage.ToFloats(result.Velocity), golden.Expected(sample));
            Bounds.Check(output, $"{model} sample {sample} over gRPC", error, Bounds.Of(model, "out"));
            Assert.Equal([1, 60, 64], result.Velocity.Shape);
            await call.HalfCloseAsync();
            Assert.Equal(StatusCode.OK, await call.EndAsync());
        }

        using var wrong = await server.OpenAsync(golden.Opening(sample: 1));
        var mixed = TensorMessage.ToFloats((await wrong.StepAsync(golden.Step(sample: 0))).Velocity);
        Bounds.CheckMissed(output, "another sample's text", Difference.MaxAbs(mixed, golden.Expected(0)), Bounds.Of(model, "out"));
    }

    [Fact]
    public async Task A_whole_session_gives_the_trajectorys_velocities()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = GoldenFolder.Open("trajectory.safetensors");
        var timesteps = golden.Floats("timesteps");
        using var call = await server.OpenAsync(new OpenSession
        {
            SessionId = "trajectory",
            HiddenStates = Messages.Slice(golden, "txt", 0),
            Pooled = Messages.Slice(golden, "vec", 0),
            Grid = new LatentGrid { Rows = 6, Columns = 10 },
            Guidance = golden.Floats("guidance")[0],
            Sigmas = { timesteps },
        });

        for (var step = 0; step < timesteps.Length - 1; step++)
        {
            Assert.Equal((timesteps.Length - 1 - step) * 72, (await server.Client.GetLoadAsync(new GetLoadRequest())).QueuedWork);
            var result = await call.StepAsync(new DenoiseStep
            {
                Index = step,
                Timestep = timesteps[step],
                Latents = Messages.Slice(golden, $"img.{step}", 0),
            });

            Assert.Equal(step, result.Index);
            var error = Difference.MaxAbs(TensorMessage.ToFloats(result.Velocity), golden.Floats($"pred.{step}"));
            Bounds.Check(output, $"trajectory pred.{step}", error, Bounds.Of("trajectory", "pred"));
        }
    }

    [Fact]
    public async Task The_same_step_gives_the_same_bytes_again_and_in_another_session()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");
        using var first = await server.OpenAsync(golden.Opening(0));
        using var second = await server.OpenAsync(golden.Opening(0));

        var once = await first.StepAsync(golden.Step(0));
        var again = await first.StepAsync(golden.Step(0));
        var elsewhere = await second.StepAsync(golden.Step(0));

        Assert.Equal(once.Velocity, again.Velocity);
        Assert.Equal(once.Velocity, elsewhere.Velocity);
        Assert.Equal(3, (await server.Client.GetLoadAsync(new GetLoadRequest())).StepsDone);
    }

    [Fact]
    public async Task The_velocity_has_the_type_of_the_latents()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");
        using var call = await server.OpenAsync(golden.Opening(0));
        var step = golden.Step(0);
        step.Latents = ToBfloat16(step.Latents);

        var velocity = (await call.StepAsync(step)).Velocity;

        Assert.Equal(DataType.Bfloat16, velocity.DataType);
        Assert.InRange(Difference.MaxAbs(TensorMessage.ToFloats(velocity), golden.Expected(0)), 0, 0.05);
    }

    [Fact]
    public async Task The_model_describes_itself()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_schnell", options => options.ReplicaId = "replica-7");

        var info = await server.Client.GetModelInfoAsync(new DenoiserServiceGetModelInfoRequest());

        Assert.Equal(FluxVariant.Schnell, info.Variant);
        Assert.Equal((64, 48, 24, 64, 2), (info.InChannels, info.ContextSize, info.PooledSize, info.HiddenSize, info.HeadCount));
        Assert.Equal((2, 3), (info.DoubleBlockCount, info.SingleBlockCount));
        Assert.Equal((16_384, 512, 200, 2), (info.MaxImageTokens, info.MaxTextTokens, info.MaxSteps, info.MaxSessions));
        Assert.Equal("replica-7", info.ReplicaId);
        Assert.Equal(531_776, info.Component.ParameterCount);
        Assert.Equal(DataType.Float32, info.Component.ComputeDataType);
        Assert.Equal(("cpu", "official", false), (info.Component.Device, info.Component.CheckpointLayout, info.Component.RandomWeights));
        Assert.NotEmpty(info.Component.Fingerprint);
    }

    [Fact]
    public async Task Messages_out_of_turn_are_refused()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");

        using (var call = server.Open())
        {
            await call.SendAsync(golden.Step(0));
            Assert.Equal(["step"], await call.RefusedFieldsAsync());
        }

        using (var call = server.Open())
        {
            await call.SendNothingAsync();
            Assert.Equal(["message"], await call.RefusedFieldsAsync());
        }

        using (var call = server.Open())
        {
            await call.HalfCloseAsync();
            Assert.Equal(["message"], await call.RefusedFieldsAsync());
        }

        using (var call = await server.OpenAsync(golden.Opening(0)))
        {
            await call.SendAsync(golden.Opening(0));
            Assert.Equal(["open"], await call.RefusedFieldsAsync());
        }

        await server.WaitUntilIdleAsync();
    }

    [Fact]
    public async Task Bad_openings_and_steps_name_their_fields()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");

        using (var call = server.Open())
        {
            var opening = golden.Opening(0);
            opening.Guidance = float.NaN;
            opening.Grid.Rows = 0;
            opening.HiddenStates.Shape[2] = long.MaxValue;
            await call.SendAsync(opening);
            Assert.Equal(["open.hidden_states", "open.grid.rows", "open.guidance"], await call.RefusedFieldsAsync());
        }

        foreach (var (field, spoil) in new (string, Action<DenoiseStep>)[]
        {
            ("step.index", step => step.Index = 1),
            ("step.timestep", step => step.Timestep = 2),
            ("step.latents", step => step.Latents = TensorMessage.FromFloats(new float[64], 1, 1, 64)),
            ("step.latents", step => step.Latents.Data = ByteString.CopyFrom([.. Enumerable.Repeat((byte)0xFF, 60 * 64 * 4)])),
        })
        {
            using var call = await server.OpenAsync(golden.Opening(0));
            var step = golden.Step(0);
            spoil(step);
            await call.SendAsync(step);
            Assert.Equal([field], await call.RefusedFieldsAsync());
        }

        await server.WaitUntilIdleAsync();
    }

    [Fact]
    public async Task Another_models_fingerprint_is_refused_and_its_own_is_not()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");
        var opening = golden.Opening(0);
        opening.ExpectedFingerprint = server.Model.Fingerprint;
        (await server.OpenAsync(opening)).Dispose();

        opening.ExpectedFingerprint = "another";
        using var call = server.Open();
        await call.SendAsync(opening);
        var failure = await call.FailureAsync();

        Assert.Equal(StatusCode.FailedPrecondition, failure.StatusCode);
        Assert.Equal("FINGERPRINT_MISMATCH", failure.GetRpcStatus()!.GetDetail<ErrorInfo>().Reason);
    }

    [Fact]
    public async Task One_session_too_many_is_told_when_to_come_back()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");
        using var first = await server.OpenAsync(golden.Opening(0));
        using var second = await server.OpenAsync(golden.Opening(1));

        using var third = server.Open();
        await third.SendAsync(golden.Opening(0));
        var failure = await third.FailureAsync();

        Assert.Equal(StatusCode.ResourceExhausted, failure.StatusCode);
        Assert.NotNull(failure.GetRpcStatus()!.GetDetail<RetryInfo>());
        Assert.NotNull(await first.StepAsync(golden.Step(0)));
    }

    [Fact]
    public async Task A_step_sent_while_one_waits_is_refused_at_once()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");
        using var gate = new StepGate(server.Model);
        using var patient = await server.OpenAsync(golden.Opening(0));
        using var hasty = await server.OpenAsync(golden.Opening(1));
        await patient.SendAsync(golden.Step(0));
        await gate.BegunAsync();

        await hasty.SendAsync(golden.Step(1));
        await hasty.SendAsync(golden.Step(1));

        Assert.Equal(["message"], await hasty.RefusedFieldsAsync());
        gate.Open();
        Assert.NotNull((await patient.ReadAsync()).StepResult);
    }

    [Fact]
    public async Task Half_closing_during_a_step_still_gets_its_answer()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");
        using var gate = new StepGate(server.Model);
        using var call = await server.OpenAsync(golden.Opening(0));
        await call.SendAsync(golden.Step(0));
        await gate.BegunAsync();

        await call.HalfCloseAsync();
        gate.Open();

        Assert.NotNull((await call.ReadAsync()).StepResult);
        Assert.Equal(StatusCode.OK, await call.EndAsync());
    }

    [Fact]
    public async Task Cancelling_leaves_no_session_and_no_tensor()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");
        using var gate = new StepGate(server.Model);
        var before = LiveTensors.CountSettled();
        var running = await server.OpenAsync(golden.Opening(0));
        var waiting = await server.OpenAsync(golden.Opening(1));
        await running.SendAsync(golden.Step(0));
        await gate.BegunAsync();
        await waiting.SendAsync(golden.Step(1));

        waiting.Dispose(); // Its step is dropped while the device is busy with the other's.
        while (server.Load.Sessions > 1)
            await Task.Yield();
        running.Dispose();
        Assert.Equal(1, server.Load.Sessions); // The step in hand uses the session's tensors.
        gate.Open();
        await server.WaitUntilIdleAsync();

        Assert.Equal(before, NativeTensor.TotalCount);
        Assert.Equal(0, server.Load.Work);
    }

    [Fact]
    public async Task Finished_and_refused_sessions_leave_no_tensor()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev");
        using var golden = new GoldenMessages("transformer_dev");
        var before = LiveTensors.CountSettled();

        for (var round = 0; round < 5; round++)
        {
            using var call = await server.OpenAsync(golden.Opening(0));
            for (var index = 0; index < 3; index++)
                await call.StepAsync(golden.Step(0, index));
            await call.SendAsync(golden.Step(0, index: 0));
            Assert.Equal(["step.index"], await call.RefusedFieldsAsync());
        }

        await server.WaitUntilIdleAsync();
        Assert.Equal(before, NativeTensor.TotalCount);
    }

    [Fact]
    public async Task An_idle_session_ends()
    {
        await using var server = await DenoiserFixture.StartAsync("transformer_dev", options => options.IdleSeconds = 1);
        using var golden = new GoldenMessages("transformer_dev");
        using var call = await server.OpenAsync(golden.Opening(0));

        var failure = await call.FailureAsync();

        Assert.Equal(StatusCode.DeadlineExceeded, failure.StatusCode);
        Assert.Equal("SESSION_IDLE", failure.GetRpcStatus()!.GetDetail<ErrorInfo>().Reason);
        await server.WaitUntilIdleAsync();
    }

    [Fact]
    public async Task A_transformer_with_more_channels_in_than_out_is_not_served()
    {
        var checkpoint = TemporaryCheckpoint.WithInputChannels("transformer_dev", channels: 128);

        var exception = await Assert.ThrowsAsync<InvalidDataException>(() => DenoiserFixture.StartAsync(checkpoint));

        Assert.Contains("takes 128 channels and gives 64", exception.Message, StringComparison.Ordinal);
    }

    private static Tensor ToBfloat16(Tensor tensor)
    {
        var bytes = new byte[tensor.Data.Length / 2];
        for (var i = 0; i < bytes.Length; i += 2)
            tensor.Data.Span.Slice(2 * i + 2, 2).CopyTo(bytes.AsSpan(i));
        return TensorMessage.Wrap(DataType.Bfloat16, bytes, [.. tensor.Shape]);
    }
}
