using System.Diagnostics;
using System.Globalization;
using CsCheck;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.UnitTests.Fuzzing;

/// <summary>
/// Feeds code with drawn inputs for its share of the time: FLUX_FUZZ_SECONDS, in all. A failure is made smaller and told with its seed.
/// </summary>
internal static class FuzzRun
{
    private const int DefaultSeconds = 6;
    private const int InputsAtOnce = 20;

    /// <summary>
    /// Processor time after which an input ends the process, with its text: nothing else stops a loop without end. Time by the clock
    /// would say little on a machine with other work.
    /// </summary>
    private static readonly TimeSpan _hang = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan _look = TimeSpan.FromSeconds(10);

    /// <summary>Feeds inputs until the time is up.</summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="feed">Takes an input; what it throws is a failure, so it catches what is documented.</param>
    /// <param name="describe">An input as text.</param>
    /// <param name="mostBytes">Bytes that an input may make the code allocate on the managed heap.</param>
    /// <param name="output">Gets the number of inputs.</param>
    /// <param name="share">This run's part of the time.</param>
    public static void Run<T>(Gen<T> inputs, Action<T> feed, Func<T, string> describe, Func<T, long> mostBytes,
        ITestOutputHelper output, double share)
    {
        var time = Seconds() * share;
        var started = Stopwatch.GetTimestamp();
        var (count, largest) = (0, 0.0);
        do
        {
            inputs.Sample(
                input =>
                {
                    using var watchdog = Watch(() => $"Hangs: {describe(input)}");
                    var before = GC.GetAllocatedBytesForCurrentThread();
                    feed(input);
                    var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                    var most = mostBytes(input);
                    Assert.True(allocated <= most, $"{allocated} bytes were allocated; declared: at most {most}");
                    largest = Math.Max(largest, (double)allocated / most);
                    count++;
                },
                iter: InputsAtOnce, threads: 1, print: describe);
        }
        while (Stopwatch.GetElapsedTime(started).TotalSeconds < time);
        output.WriteLine($"{count} inputs in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s; "
            + $"at most {largest:P0} of the bytes that may be allocated");
    }

    private static Timer Watch(Func<string> message)
    {
        var before = Environment.CpuUsage.TotalTime;
        return new Timer(_ => EndIfHanging(before, message), null, _look, _look);
    }

    private static void EndIfHanging(TimeSpan before, Func<string> message)
    {
        if (Environment.CpuUsage.TotalTime - before > _hang)
            Environment.FailFast(message());
    }

    private static double Seconds() =>
        double.TryParse(Environment.GetEnvironmentVariable("FLUX_FUZZ_SECONDS"), CultureInfo.InvariantCulture, out var seconds)
            ? seconds
            : DefaultSeconds;
}
