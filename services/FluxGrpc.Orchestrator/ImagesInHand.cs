using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator;

/// <summary>
/// The images of a request that are being made. Each goes on by itself up to its next event, and no further before its event before
/// that was taken. One caller at a time.
/// </summary>
/// <param name="gone">Cancelled when the caller is gone.</param>
internal sealed class ImagesInHand(CancellationToken gone) : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(gone);
    private readonly List<ImageInHand> _images = []; // The one that was served longest ago first.

    /// <summary>Cancelled when the caller is gone, or when the request ends before its images.</summary>
    public CancellationToken End => _end.Token;

    /// <summary>Images that have begun and not ended.</summary>
    public int Count => _images.Count;

    /// <summary>Begins an image.</summary>
    /// <param name="events">Its events, and null where there is room for another image; to end when <see cref="End"/> is cancelled.</param>
    public void Begin(IAsyncEnumerable<GenerateResponse?> events)
    {
        var iterator = events.GetAsyncEnumerator(End);
        _images.Add(new ImageInHand(iterator, iterator.MoveNextAsync().AsTask()));
    }

    /// <summary>Waits until one of the images has news, and lets it go on.</summary>
    /// <returns>Its event; null where it has ended, or where there is room for another image.</returns>
    /// <exception cref="Exception">What the image failed with.</exception>
    public async Task<GenerateResponse?> NextAsync()
    {
        await Task.WhenAny(_images.Select(image => image.Move));
        var index = _images.FindIndex(image => image.Move.IsCompleted);
        var image = _images[index];
        var goesOn = await image.Move;
        _images.RemoveAt(index);
        if (!goesOn)
        {
            await image.Events.DisposeAsync();
            return null;
        }

        var happened = image.Events.Current;
        _images.Add(image with { Move = image.Events.MoveNextAsync().AsTask() });
        return happened;
    }

    /// <summary>Lets go of images that nobody waits for any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        foreach (var image in _images)
        {
            await ((Task)image.Move).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // The request has ended otherwise.
            await image.Events.DisposeAsync();
        }

        _end.Dispose();
    }

    private sealed record ImageInHand(IAsyncEnumerator<GenerateResponse?> Events, Task<bool> Move);
}
