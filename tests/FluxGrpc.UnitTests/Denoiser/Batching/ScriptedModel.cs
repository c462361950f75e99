using System.Collections.Concurrent;
using System.Threading.Channels;
using FluxGrpc.Denoiser.Batching;
using FluxGrpc.Torch;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Denoiser.Batching;

/// <summary>A model whose passes begin when the scheduler says so and end when the test says so.</summary>
internal sealed class ScriptedModel(TimeProvider time)
{
    private readonly Channel<Pass> _passes = Channel.CreateUnbounded<Pass>();
    private readonly ConcurrentBag<Pass> _all = [];
    private volatile bool _closed;

    public int Begun { get; private set; }

    public Task<BatchResult> RunAsync(IReadOnlyList<ScheduledStep> steps, CancellationToken cancellation)
    {
        Begun++;
        var pass = new Pass(steps, time, cancellation);
        _all.Add(pass);
        _passes.Writer.TryWrite(pass);
        if (_closed)
            pass.Abandon();
        return pass.Result;
    }

    /// <summary>Ends what a test that failed has left open, so that it fails and does not hang.</summary>
    public void Close()
    {
        _closed = true;
        foreach (var pass in _all)
            pass.Abandon();
    }

    /// <summary>The next pass, as soon as it has begun.</summary>
    public async Task<Pass> NextAsync() => await _passes.Reader.ReadAsync();

    internal sealed class Pass(IReadOnlyList<ScheduledStep> steps, TimeProvider time, CancellationToken cancellation)
    {
        private readonly TaskCompletionSource<BatchResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly long _started = time.GetTimestamp();

        public IEnumerable<BatchMember> Members => steps.Select(step => step.Member);

        /// <summary>Cancelled when nobody waits for it.</summary>
        public CancellationToken Cancellation => cancellation;

        public Task<BatchResult> Result => _result.Task;

        /// <summary>Ends the pass; the velocities are told apart by their numbers.</summary>
        public void End() => _result.SetResult(new BatchResult(
            [.. steps.Select((_, sample) => Velocity(sample))], new bool[steps.Count], _started, time.GetElapsedTime(_started)));

        /// <summary>Ends the pass between two blocks.</summary>
        public void BreakOff() => _result.SetException(new OperationCanceledException(cancellation));

        public void Abandon() => _result.TrySetException(new InvalidOperationException("The test is over"));

        public void Fail(string message) => _result.SetException(new InvalidOperationException(message));

        private static OutgoingTensor Velocity(int sample)
        {
            using var values = tensor([(float)sample]);
            return TensorConversion.ToMessage(values);
        }
    }
}
