using System.Diagnostics;
using FluxGrpc.Denoiser.Telemetry;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>What callers see of a server that is full, and listeners of its spans.</summary>
public sealed class QueueingTests
{
    private const string Model = "transformer_dev";
    private const int Work = 4 * 72; // Steps times tokens of GoldenMessages.

    [Fact]
    public async Task Who_does_not_fit_waits_is_told_its_place_and_is_accepted_in_turn()
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options =>
        {
            options.MaxSessions = 8;
            options.MaxWork = Work;
            options.MaxQueuedWork = 2 * Work;
        });
        using var golden = new GoldenMessages(Model);
        var first = await server.OpenAsync(golden.Opening(0));
        using var second = server.Open();
        await second.SendAsync(golden.Opening(1));
        Assert.Equal(0, (await second.ReadAsync()).Queued.Ahead);
        using var third = server.Open();
        await third.SendAsync(golden.Opening(0));
        Assert.Equal(1, (await third.ReadAsync()).Queued.Ahead);

        using var fourth = server.Open();
        await fourth.SendAsync(golden.Opening(0));
        var failure = await fourth.FailureAsync();
        Assert.Equal(StatusCode.ResourceExhausted, failure.StatusCode);
        Assert.NotNull(failure.GetRpcStatus()!.GetDetail<RetryInfo>());
        Assert.Equal("QUEUE_FULL", failure.GetRpcStatus()!.GetDetail<ErrorInfo>().Reason);
        var load = await server.Client.GetLoadAsync(new GetLoadRequest());
        Assert.Equal((1, 2, Work, Work), (load.Sessions, load.WaitingSessions, load.QueuedWork, load.MaxWork));

        first.Dispose();

        var accepted = (await second.ReadAsync()).Accepted;
        Assert.True(accepted.WaitTime.ToTimeSpan() > TimeSpan.Zero);
        Assert.Equal(0, (await third.ReadAsync()).Queued.Ahead);
        Assert.NotNull((await second.StepAsync(golden.Step(1))).Velocity);
    }

    [Fact]
    public async Task Who_gives_up_while_queued_leaves_nothing_behind()
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options => options.MaxWork = 1);
        using var golden = new GoldenMessages(Model);
        using var first = await server.OpenAsync(golden.Opening(0));
        var queued = server.Open();
        await queued.SendAsync(golden.Opening(1));
        Assert.NotNull((await queued.ReadAsync()).Queued);

        queued.Dispose();

        await server.WaitUntilAsync(load => load.WaitingSessions == 0);
        Assert.NotNull((await first.StepAsync(golden.Step(0))).Velocity);
    }

    [Fact]
    public async Task A_deadline_is_kept_while_queued()
    {
        await using var server = await DenoiserFixture.StartAsync(Model, options => options.MaxWork = 1);
        using var golden = new GoldenMessages(Model);
        using var first = await server.OpenAsync(golden.Opening(0));
        using var queued = server.Open(TimeSpan.FromSeconds(1));
        await queued.SendAsync(golden.Opening(1));

        Assert.Equal(StatusCode.DeadlineExceeded, (await queued.FailureAsync()).StatusCode);
        await server.WaitUntilAsync(load => load.WaitingSessions == 0);
    }

    [Fact]
    public async Task Sessions_and_passes_have_spans_that_refer_to_each_other()
    {
        var spans = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == DenoiserActivities.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span =>
            {
                lock (spans)
                    spans.Add(span);
            },
        };
        ActivitySource.AddActivityListener(listener);
        await using var server = await DenoiserFixture.StartAsync(Model, options => options.ReplicaId = "replica-7");
        using var golden = new GoldenMessages(Model);
        using (var call = await server.OpenAsync(golden.Opening(0)))
        {
            await call.StepAsync(golden.Step(0));
            await call.StepAsync(golden.Step(0, index: 1));
            await call.HalfCloseAsync();
            Assert.Equal(StatusCode.OK, await call.EndAsync());
        }

        await server.WaitUntilIdleAsync();
        await server.App.StopAsync(); // Each span has ended by then.

        var session = Assert.Single(spans, span => span.OperationName == "denoise session");
        Assert.Equal(("replica-7", "sample-0"), (session.GetTagItem("flux.replica"), session.GetTagItem("flux.session")));
        var passes = spans.Where(span => span.OperationName == "denoise batch").ToList();
        Assert.Equal(["0", "1"], passes.Select(span => span.GetTagItem("flux.step")));
        Assert.All(passes, pass =>
        {
            Assert.Equal(("replica-7", 1), (pass.GetTagItem("flux.replica"), pass.GetTagItem("flux.batch_size")));
            Assert.Equal(session.Context, Assert.Single(pass.Links).Context);
            Assert.Equal(session.Id, pass.ParentId);
        });
    }
}
