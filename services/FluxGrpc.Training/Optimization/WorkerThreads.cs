using System.Runtime.ExceptionServices;
using TorchSharp;

namespace FluxGrpc.Training.Optimization;

/// <summary>
/// Threads that each compute a part of every step with one core: on a processor two of them are about 1.5 times as fast as one
/// computation that shares two cores. On a GPU there is one.
/// </summary>
internal sealed class WorkerThreads : IDisposable
{
    private readonly Barrier _start;
    private readonly Barrier _end;
    private readonly Thread[] _threads;
    private readonly Exception?[] _failures;
    private Action<int>? _work;

    /// <summary>Starts the threads.</summary>
    /// <param name="count">How many.</param>
    public WorkerThreads(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        torch.set_num_threads(1);
        _start = new Barrier(count + 1);
        _end = new Barrier(count + 1);
        _failures = new Exception?[count];
        _threads = [.. Enumerable.Range(0, count).Select(worker =>
            new Thread(() => Compute(worker)) { IsBackground = true, Name = $"worker {worker}" })];
        foreach (var thread in _threads)
            thread.Start();
    }

    /// <summary>Number of threads.</summary>
    public int Count => _threads.Length;

    /// <summary>Runs the work on every thread, in a dispose scope each, and waits for all.</summary>
    /// <param name="work">Gets the thread's number.</param>
    public void Run(Action<int> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        _work = work;
        _start.SignalAndWait();
        _end.SignalAndWait();
        var failure = Array.Find(_failures, exception => exception is not null);
        Array.Clear(_failures);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        _work = null;
        _start.SignalAndWait();
        foreach (var thread in _threads)
            thread.Join();
        _start.Dispose();
        _end.Dispose();
    }

    private void Compute(int worker)
    {
        torch.set_num_threads(1); // The number belongs to the thread.
        while (true)
        {
            _start.SignalAndWait();
            if (_work is not { } work)
                return;
            try
            {
                using var scope = torch.NewDisposeScope();
                work(worker);
            }
            catch (Exception exception)
            {
                _failures[worker] = exception;
            }

            _end.SignalAndWait();
        }
    }
}
