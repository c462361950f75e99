using FluxGrpc.UnitTests.Orchestrator.Services;
using FluxGrpc.V1;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.UnitTests.Orchestrator;

/// <summary>The queue with the default options under many callers at once.</summary>
public sealed class ThousandRequestsTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int Count = 1000;
    private readonly ScriptedTier _tier = new();

    public async Task InitializeAsync() => await _tier.StartAsync();

    public async Task DisposeAsync() => await _tier.DisposeAsync();

    [Fact]
    public async Task A_thousand_requests_at_once_are_all_carried_out()
    {
        var started = TimeProvider.System.GetTimestamp();
        var answers = await Task.WhenAll(Enumerable.Range(0, Count).Select(i => _tier.GenerateAsync(new GenerateRequest
        {
            Prompt = "a red circle",
            Width = 64,
            Height = 64,
            Steps = 2,
            MaxTokens = 8,
            Seed = (ulong)i,
            Priority = i % 2 == 0 ? Priority.Interactive : Priority.Batch,
        })));

        var elapsed = TimeProvider.System.GetElapsedTime(started);
        Assert.All(answers, events => Assert.NotNull(events[^1].Finished));
        Assert.Equal(Count, answers.Select(events => events.Single(item => item.Image is not null).Image.Seed).Distinct().Count());
        Assert.Equal(1, _tier.TextEncoder.Script.Calls);
        var status = await _tier.Client.GetStatusAsync(new());
        Assert.Equal((0, 0, 0L), (status.Generations, status.Waiting, status.QueuedWork));
        Assert.Equal(0, _tier.Denoiser.Script.OpenSessions);
        var places = answers.Sum(events => events.Count(item => item.Queued is not null));
        output.WriteLine($"{elapsed.TotalSeconds:F1} s, {places} places told");
    }
}
