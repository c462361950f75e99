using FluxGrpc.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Hosting;

public sealed class LoadingLogTests
{
    [Fact]
    public void It_speaks_every_few_seconds_and_at_the_end()
    {
        var (time, lines) = (new FakeTimeProvider(), new Lines());
        var log = new LoadingLog(time, lines);
        for (var done = 1; done <= 10; done++)
        {
            time.Advance(TimeSpan.FromSeconds(2));
            log.Note(done * 100_000_000L, 1_000_000_000);
        }

        Assert.Equal(
        [
            "Loading weights: 0.30 of 1.00 GB", "Loading weights: 0.60 of 1.00 GB", "Loading weights: 0.90 of 1.00 GB",
            "Weights: 1.00 GB; a small computation uses each for the first time",
        ], lines);
    }

    private sealed class Lines : List<string>, ILogger<LoadingLog>
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> formatter) => Add(formatter(state, exception));
    }
}
