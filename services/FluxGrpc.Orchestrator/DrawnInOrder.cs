using System.Collections.Concurrent;

namespace FluxGrpc.Orchestrator;

/// <summary>
/// Hands out pictures in the order of their images where they are drawn at the same time. Images that share forward passes all begin to
/// be drawn within a millisecond, and which one is done first is chance.
/// </summary>
internal sealed class DrawnInOrder
{
    private readonly ConcurrentDictionary<int, TaskCompletionSource> _drawn = [];

    /// <summary>An image is being drawn from now on.</summary>
    public void Begin(int index) => _drawn[index] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Waits until those before an image have been handed out that are being drawn now.</summary>
    public Task WaitForEarlierAsync(int index, CancellationToken cancellation) =>
        Task.WhenAll(_drawn.Where(drawn => drawn.Key < index).Select(drawn => drawn.Value.Task)).WaitAsync(cancellation);

    /// <summary>An image has been handed out.</summary>
    public void End(int index)
    {
        if (_drawn.TryRemove(index, out var drawn))
            drawn.SetResult();
    }
}
