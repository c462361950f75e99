using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator;

/// <summary>The image of a request that is being drawn while the next one is denoised; one at a time.</summary>
/// <param name="gone">Cancelled when the caller is gone.</param>
internal sealed class DrawingInBackground(CancellationToken gone) : IAsyncDisposable
{
    private readonly CancellationTokenSource _end = CancellationTokenSource.CreateLinkedTokenSource(gone);
    private Task<GeneratedImage>? _drawing;

    /// <summary>Begins to draw.</summary>
    /// <param name="draw">Makes the image; cancelled when the request ends before it is taken.</param>
    /// <exception cref="InvalidOperationException">The one before was not taken.</exception>
    public void Begin(Func<CancellationToken, Task<GeneratedImage>> draw)
    {
        if (_drawing is not null)
            throw new InvalidOperationException("The image before was not taken.");
        _drawing = draw(_end.Token);
    }

    /// <summary>Takes the image where it is there, or where it failed; null while it is being drawn and where there is none.</summary>
    public async Task<GeneratedImage?> TakeIfDoneAsync() => _drawing is { IsCompleted: true } ? await TakeAsync() : null;

    /// <summary>Takes the image as soon as it is there; null where there is none.</summary>
    public async Task<GeneratedImage?> TakeAsync()
    {
        if (_drawing is not { } drawing)
            return null;
        _drawing = null;
        return await drawing;
    }

    /// <summary>Lets go of an image that nobody takes any more.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        if (_drawing is Task drawing)
            await drawing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // The request has ended otherwise.
        _end.Dispose();
    }
}
