using Microsoft.Extensions.Logging;

namespace FluxGrpc.Hosting;

/// <summary>Says every few seconds how far the loading of a model is: FLUX.1's weights take a minute and more.</summary>
/// <param name="time">Its clock.</param>
/// <param name="logger">Hears of it.</param>
public sealed partial class LoadingLog(TimeProvider time, ILogger<LoadingLog> logger)
{
    private const double Gigabyte = 1e9;

    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(5);

    private long _latest = time.GetTimestamp();

    /// <summary>Takes note of how much of some weights is loaded; all of it is always told.</summary>
    /// <param name="done">Bytes.</param>
    /// <param name="total">Bytes of all.</param>
    public void Note(long done, long total)
    {
        if (done == total)
        {
            LogLoaded(logger, total / Gigabyte);
        }
        else if (time.GetElapsedTime(_latest) >= _pause)
        {
            _latest = time.GetTimestamp();
            LogLoading(logger, done / Gigabyte, total / Gigabyte);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Loading weights: {Done:F2} of {Total:F2} GB")]
    private static partial void LogLoading(ILogger logger, double done, double total);

    [LoggerMessage(Level = LogLevel.Information, Message = "Weights: {Total:F2} GB; a small computation uses each for the first time")]
    private static partial void LogLoaded(ILogger logger, double total);
}
