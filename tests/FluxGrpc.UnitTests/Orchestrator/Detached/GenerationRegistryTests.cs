using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Detached;

public sealed class GenerationRegistryTests : IDisposable
{
    private static readonly TimeSpan _kept = TimeSpan.FromSeconds(100);
    private static readonly TimeSpan _tick = TimeSpan.FromTicks(1);
    private readonly FakeTimeProvider _time = new();
    private readonly GenerationRegistry _registry;

    public GenerationRegistryTests() => _registry = new GenerationRegistry(new DetachedLimits(3, 1000, _kept), _time);

    public void Dispose() => _registry.Dispose();

    [Fact]
    public void The_same_request_finds_its_generation_again()
    {
        var (generation, isNew) = _registry.AddDetached(Request("a"), 10);

        Assert.True(isNew);
        Assert.Same(generation, _registry.Find(Request("a")));
        Assert.Equal((generation, false), _registry.AddDetached(Request("a"), 10));
        Assert.Null(_registry.Find(Request("b")));
    }

    [Fact]
    public void Another_request_of_that_name_is_refused()
    {
        _registry.AddDetached(Request("a"), 10);
        _registry.Add("attached");
        GenerateRequest[] others =
        [
            new(Request("a")) { Seed = 2 }, new(Request("a")) { Detached = false }, new(Request("a")) { Prompt = "y" },
            Request("attached"), new() { RequestId = "attached" },
        ];

        foreach (var other in others)
        {
            AssertTaken(() => _registry.Find(other));
            AssertTaken(() => _registry.AddDetached(other, 10));
            AssertTaken(() => _registry.Add(other.RequestId));
        }
    }

    [Fact]
    public void An_ended_generation_is_kept_for_its_time_and_no_longer()
    {
        var (first, _) = _registry.AddDetached(Request("a"), 10);
        var (second, _) = _registry.AddDetached(Request("b"), 10);
        _registry.End(first, failure: null);
        _time.Advance(_kept / 2);
        _registry.End(second, failure: null);

        _time.Advance(_kept / 2 - _tick);
        Assert.Same(first, _registry.Find(Request("a")));
        _time.Advance(_tick);
        Assert.Null(_registry.Find(Request("a")));
        Assert.Same(second, _registry.Find(Request("b")));
        _time.Advance(_kept / 2);

        Assert.Null(_registry.Find(Request("b")));
        Assert.Equal(0, _registry.WithoutCaller);
    }

    [Fact]
    public void One_that_goes_on_is_kept_however_long_it_takes()
    {
        var (generation, _) = _registry.AddDetached(Request("a"), 10);

        _time.Advance(100 * _kept);

        Assert.Same(generation, _registry.Find(Request("a")));
    }

    [Fact]
    public void Those_that_ended_first_make_room_for_new_ones()
    {
        var generations = new[] { "a", "b", "c" }.Select(id => _registry.AddDetached(Request(id), 10).Generation).ToArray();
        _registry.End(generations[1], failure: null);
        _registry.End(generations[0], failure: null);

        _registry.AddDetached(Request("d"), 10);

        Assert.Null(_registry.Find(Request("b")));
        Assert.NotNull(_registry.Find(Request("a")));
    }

    [Fact]
    public void Those_that_go_on_are_not_dropped_the_request_is_refused()
    {
        foreach (var id in new[] { "a", "b", "c" })
            _registry.AddDetached(Request(id), 10);

        var refused = Assert.Throws<RpcException>(() => _registry.AddDetached(Request("d"), 10));

        Assert.Equal((StatusCode.ResourceExhausted, "3 detached generations go on; allowed: 3"),
            (refused.StatusCode, refused.Status.Detail));
        Assert.NotNull(refused.GetRpcStatus()!.GetDetail<RetryInfo>());
    }

    [Fact]
    public void Bytes_are_set_aside_until_the_end_then_counted()
    {
        var (generation, _) = _registry.AddDetached(Request("a"), 900);
        Assert.Throws<RpcException>(() => _registry.AddDetached(Request("b"), 200));

        generation.Log.Add(new GenerateResponse { Step = new StepCompleted { StepIndex = 1 } });
        _registry.End(generation, failure: null);

        _registry.AddDetached(Request("b"), 900);
        Assert.NotNull(_registry.Find(Request("a")));
        Assert.Throws<RpcException>(() => _registry.AddDetached(Request("c"), 1001)); // Never fits.
    }

    [Fact]
    public void The_request_itself_counts_it_may_hold_a_picture()
    {
        var large = new GenerateRequest(Request("a")) { InitImage = ByteString.CopyFrom(new byte[600]) };
        var (generation, _) = _registry.AddDetached(large, 100);
        _registry.End(generation, failure: null);

        Assert.Throws<RpcException>(() => _registry.AddDetached(new(large) { RequestId = "b" }, 500));
        Assert.NotNull(_registry.Find(large)); // Nothing is dropped for one that does not fit all the same.
        _registry.AddDetached(new(large) { RequestId = "c" }, 100);

        Assert.Null(_registry.Find(large)); // It had to go.
    }

    [Fact]
    public void Removing_one_frees_all_that_was_set_aside()
    {
        for (var i = 0; i < 10; i++)
        {
            var (generation, _) = _registry.AddDetached(Request("a"), 900);
            _registry.Remove(generation);
            _registry.Remove(generation); // Once more changes nothing.
        }

        Assert.Null(_registry.Find(Request("a")));
    }

    [Fact]
    public void Cancelling_stops_a_generation_and_frees_its_name_when_it_has_ended()
    {
        var (generation, _) = _registry.AddDetached(Request("a"), 10);

        Assert.True(_registry.Cancel("a"));

        Assert.True(generation.Stopping.IsCancellationRequested);
        Assert.Equal(StatusCode.Cancelled, generation.StopReason!.StatusCode);
        _registry.End(generation, generation.StopReason);
        Assert.Null(_registry.Find(Request("a")));
        Assert.False(_registry.Cancel("a"));
    }

    [Fact]
    public void Cancelling_one_that_has_ended_forgets_it()
    {
        var (generation, _) = _registry.AddDetached(Request("a"), 10);
        _registry.End(generation, failure: null);

        Assert.True(_registry.Cancel("a"));

        Assert.Null(_registry.Find(Request("a")));
    }

    [Fact]
    public void Those_without_a_caller_are_counted()
    {
        var (generation, _) = _registry.AddDetached(Request("a"), 10);
        _registry.AddDetached(Request("b"), 10);
        _registry.Add("attached");
        var (one, other) = (generation.Attach(), generation.Attach());

        Assert.Equal(1, _registry.WithoutCaller);
        one.Dispose();
        one.Dispose(); // Once more changes nothing.
        Assert.Equal(1, _registry.WithoutCaller);
        other.Dispose();
        Assert.Equal(2, _registry.WithoutCaller);
    }

    private static void AssertTaken(Action take) =>
        Assert.Equal(StatusCode.AlreadyExists, Assert.Throws<RpcException>(take).StatusCode);

    private static GenerateRequest Request(string id) => new() { RequestId = id, Prompt = "x", Detached = true, Seed = 1 };
}
