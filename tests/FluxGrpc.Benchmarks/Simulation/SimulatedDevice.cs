namespace FluxGrpc.Benchmarks.Simulation;

/// <summary>
/// Stands for a device that takes one step at a time, each as long: in the order of arrival, without gaps while any wait.
/// </summary>
/// <param name="stepTime">Time of a step.</param>
/// <param name="time">The clock.</param>
internal sealed class SimulatedDevice(TimeSpan stepTime, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly long _started = time.GetTimestamp();
    private TimeSpan _freeAt;
    private long _steps;

    /// <summary>Steps done.</summary>
    public long Steps => Interlocked.Read(ref _steps);

    /// <summary>Sleeps until the device would be done with a step that arrives now.</summary>
    /// <returns>Time that the step waited for the device.</returns>
    public async Task<TimeSpan> RunStepAsync(CancellationToken cancellation)
    {
        TimeSpan waited, left;
        lock (_lock)
        {
            // Reckoned in points of time, not by waking up: a timer that is late must not make the device slower.
            var now = time.GetElapsedTime(_started);
            var begin = now > _freeAt ? now : _freeAt;
            _freeAt = begin + stepTime;
            (waited, left) = (begin - now, _freeAt - now);
        }

        await Task.Delay(left, time, cancellation);
        Interlocked.Increment(ref _steps);
        return waited;
    }
}
