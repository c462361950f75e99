using System.Threading.Channels;
using TorchSharp;

namespace FluxGrpc.Torch;

/// <summary>
/// One thread that runs all of a service's computation, in order of arrival: inference mode belongs to a thread, and every
/// thread that computes gets a pool of OpenMP threads of its own.
/// </summary>
public sealed class ComputeThread : IDisposable
{
    // Unbounded, but never long: a caller waits for its result before it asks again, and services bound their callers.
    private readonly Channel<Action> _work = Channel.CreateUnbounded<Action>(new() { SingleReader = true });
    private readonly Thread _thread;

    /// <summary>Starts the thread.</summary>
    public ComputeThread()
    {
        _thread = new Thread(Run) { IsBackground = true, Name = "compute" };
        _thread.Start();
    }

    /// <summary>Runs a function on the thread, in inference mode and a dispose scope of its own.</summary>
    /// <param name="compute">Tensors that are to outlive it must be moved out of its scope.</param>
    /// <param name="cancellation">Drops the function at once where it has not begun; one that has begun runs to its end.</param>
    public async Task<T> RunAsync<T>(Func<T> compute, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var taken = 0; // By whoever comes first: the thread or the cancellation.
        var queued = _work.Writer.TryWrite(() =>
        {
            if (Interlocked.Exchange(ref taken, 1) != 0)
                return;

            try
            {
                done.TrySetResult(RunInScope(compute));
            }
            catch (Exception exception)
            {
                done.TrySetException(exception);
            }
        });
        ObjectDisposedException.ThrowIf(!queued, this);

        await using var registration = cancellation.Register(() =>
        {
            if (Interlocked.Exchange(ref taken, 1) == 0)
                done.TrySetCanceled(cancellation);
        });
        return await done.Task;
    }

    /// <summary>Runs what is queued, then ends the thread.</summary>
    public void Dispose()
    {
        _work.Writer.TryComplete();
        if (Thread.CurrentThread != _thread)
            _thread.Join();
    }

    // The scope ends before the caller goes on: what it did not move out is free by then.
    private static T RunInScope<T>(Func<T> compute)
    {
        using var scope = torch.NewDisposeScope();
        return compute();
    }

    private void Run()
    {
        using var inference = torch.inference_mode();
        var reader = _work.Reader;
        while (reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (reader.TryRead(out var work))
                work();
        }
    }
}
