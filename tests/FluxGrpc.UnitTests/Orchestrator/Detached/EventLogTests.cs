using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Detached;

public sealed class EventLogTests
{
    private readonly EventLog _log = new();

    [Fact]
    public async Task Readers_get_all_events_so_far_then_the_rest()
    {
        _log.Add(Step(0));
        _log.Add(Step(1));
        await using var early = _log.ReadAsync(default).GetAsyncEnumerator();
        Assert.Equal((0, 1), (await NextAsync(early), await NextAsync(early)));
        var waiting = early.MoveNextAsync();
        Assert.False(waiting.IsCompleted);

        _log.Add(Step(2));
        _log.End(failure: null);

        Assert.True(await waiting);
        Assert.Equal(2, early.Current.Step.StepIndex);
        Assert.False(await early.MoveNextAsync());
        Assert.Equal([0, 1, 2], await ReadAllAsync());
    }

    [Fact]
    public async Task Readers_at_different_places_do_not_disturb_one_another()
    {
        var readers = Enumerable.Range(0, 20).Select(_ => ReadAllAsync()).ToArray();

        for (var i = 0; i < 50; i++)
            _log.Add(Step(i));
        _log.End(failure: null);

        foreach (var reader in readers)
            Assert.Equal(Enumerable.Range(0, 50), await reader);
    }

    [Fact]
    public async Task Only_the_last_place_in_the_queue_is_told_and_only_while_it_holds()
    {
        await using var reader = _log.ReadAsync(default).GetAsyncEnumerator();
        _log.Add(Queued(5));
        _log.Add(Queued(4));
        Assert.True(await reader.MoveNextAsync());
        Assert.Equal(4, reader.Current.Queued.Ahead);

        _log.Add(Queued(3));
        _log.Add(Step(0));
        Assert.Equal(0, await NextAsync(reader));
        var end = reader.MoveNextAsync();
        Assert.False(end.IsCompleted);
        _log.End(failure: null);

        Assert.False(await end);
        Assert.Equal([0], await ReadAllAsync());
        Assert.Equal(Step(0).CalculateSize(), _log.Bytes);
    }

    [Fact]
    public async Task A_failure_comes_after_the_events()
    {
        _log.Add(Step(0));
        _log.End(new InvalidDataException("nonsense"));
        await using var reader = _log.ReadAsync(default).GetAsyncEnumerator();

        Assert.Equal(0, await NextAsync(reader));
        await Assert.ThrowsAsync<InvalidDataException>(async () => await reader.MoveNextAsync());
    }

    [Fact]
    public async Task A_reader_that_leaves_stops_waiting()
    {
        using var leaving = new CancellationTokenSource();
        await using var reader = _log.ReadAsync(leaving.Token).GetAsyncEnumerator(leaving.Token);
        var waiting = reader.MoveNextAsync();

        await leaving.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
    }

    private async Task<List<int>> ReadAllAsync()
    {
        var steps = new List<int>();
        await foreach (var happened in _log.ReadAsync(default))
            steps.Add(happened.Step.StepIndex);
        return steps;
    }

    private static async Task<int> NextAsync(IAsyncEnumerator<GenerateResponse> reader)
    {
        Assert.True(await reader.MoveNextAsync());
        return reader.Current.Step.StepIndex;
    }

    private static GenerateResponse Step(int index) => new() { Step = new StepCompleted { StepIndex = index } };

    private static GenerateResponse Queued(int ahead) => new() { Queued = new GenerationQueued { Ahead = ahead } };
}
