using System.Collections.Concurrent;
using System.Diagnostics;
using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator;

/// <summary>The spans of the orchestrator, as somebody who listens gets them.</summary>
public sealed class TraceTests : IAsyncLifetime
{
    private readonly ScriptedTier _tier = new();
    private readonly ConcurrentQueue<Activity> _spans = new();
    private readonly ActivityListener _listener;

    public TraceTests()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "FluxGrpc.Orchestrator",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _spans.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public async Task InitializeAsync()
    {
        _tier.Options.MaxGenerations = 1;
        await _tier.StartAsync();
    }

    public async Task DisposeAsync()
    {
        _listener.Dispose();
        await _tier.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_whole_way_of_a_request_is_traced(bool detached)
    {
        var step = BlockedStep.In(_tier.Denoiser.Script, 0);
        var first = _tier.GenerateAsync(Request("first"));
        await step.Reached;
        using var second = _tier.Client.Generate(new(Request("second")) { Count = 2, Detached = detached });
        await ReadUntilAsync(second, item => item.Queued is not null);
        step.GoOn();
        await first;
        await ReadUntilAsync(second, item => item.Finished is not null);
        await UntilDoneAsync("second");

        var root = Root("second");
        var children = _spans.Where(span => span.ParentSpanId == root.SpanId).OrderBy(span => span.StartTimeUtc).ToList();
        Assert.Equal(["queued", "encode", "image", "decode", "image", "decode"], children.Select(span => span.OperationName));
        var images = children.Where(span => span.OperationName == "image").Select(span => span.SpanId).ToList();
        Assert.Equal(4, _spans.Count(span => span.OperationName == "denoiser.step" && images.Contains(span.ParentSpanId)));
        Assert.All(children, span => Assert.Equal(root.TraceId, span.TraceId));
        Assert.All(children, span => Assert.InRange(span.StartTimeUtc, root.StartTimeUtc, root.StartTimeUtc + root.Duration));
        Assert.Equal(ActivityStatusCode.Unset, root.Status);
        Assert.Equal((80, 2, true), (root.GetTagItem("flux.width"), root.GetTagItem("flux.count"), children[1].GetTagItem("flux.cached")));
        Assert.DoesNotContain(_spans.SelectMany(span => span.TagObjects),
            tag => $"{tag.Value}".Contains("circle", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_request_that_fails_says_why()
    {
        _tier.Vae.Script.OnDecode = _ => throw new RpcException(new Status(StatusCode.Internal, "out of memory"));

        await Assert.ThrowsAsync<RpcException>(() => _tier.GenerateAsync(Request("failing")));

        await UntilDoneAsync("failing");
        Assert.Equal((ActivityStatusCode.Error, "Internal, vae failed; the server's log has the details"),
            (Root("failing").Status, Root("failing").StatusDescription));
    }

    private Activity Root(string id) =>
        _spans.Single(span => span.OperationName == "generate" && Equals(span.GetTagItem("flux.request_id"), id));

    private async Task UntilDoneAsync(string id)
    {
        using var timeout = new CancellationTokenSource(ScriptedTier.Patience);
        while (!_spans.Any(span => Equals(span.GetTagItem("flux.request_id"), id)))
        {
            timeout.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static async Task ReadUntilAsync(AsyncServerStreamingCall<GenerateResponse> call, Predicate<GenerateResponse> fits)
    {
        do
            Assert.True(await call.ResponseStream.MoveNext(default).WaitAsync(ScriptedTier.Patience));
        while (!fits(call.ResponseStream.Current));
    }

    private static GenerateRequest Request(string id) => new()
    {
        Prompt = "a red circle",
        Width = 80,
        Height = 64,
        Steps = 2,
        MaxTokens = 8,
        RequestId = id,
    };
}
