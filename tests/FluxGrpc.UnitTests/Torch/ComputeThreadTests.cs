using FluxGrpc.Testing;
using FluxGrpc.Torch;
using TorchSharp;
using Xunit;

namespace FluxGrpc.UnitTests.Torch;

public sealed class ComputeThreadTests
{
    [Fact]
    public async Task Work_runs_in_inference_mode_on_one_thread_in_order()
    {
        using var compute = new ComputeThread();
        var order = new List<int>();

        var threads = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => compute.RunAsync(() =>
        {
            order.Add(i);
            Assert.True(torch.is_inference_mode_enabled());
            return Environment.CurrentManagedThreadId;
        })));

        Assert.Single(threads.Distinct());
        Assert.Equal(Enumerable.Range(0, 20), order);
    }

    [Fact]
    public async Task An_exception_reaches_the_caller_and_the_thread_lives_on()
    {
        using var compute = new ComputeThread();

        await Assert.ThrowsAsync<ArgumentException>(() => compute.RunAsync<int>(() => throw new ArgumentException("no")));

        Assert.Equal(3, await compute.RunAsync(() => 3));
    }

    [Fact]
    public async Task Cancelled_work_that_has_not_begun_is_dropped_at_once()
    {
        using var compute = new ComputeThread();
        using var begun = new SemaphoreSlim(0);
        using var goOn = new SemaphoreSlim(0);
        using var cancellation = new CancellationTokenSource();
        var first = compute.RunAsync(() => { begun.Release(); goOn.Wait(); return 1; });
        await begun.WaitAsync();
        var ran = false;
        var second = compute.RunAsync(() => ran = true, cancellation.Token);

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);

        goOn.Release();
        Assert.Equal(1, await first);
        Assert.Equal(3, await compute.RunAsync(() => 3));
        Assert.False(ran);
    }

    [Fact]
    public async Task Temporary_tensors_are_freed_and_results_moved_out_are_not()
    {
        using var compute = new ComputeThread();
        var before = LiveTensors.CountSettled();

        var result = await compute.RunAsync(() => (torch.ones(3) + torch.ones(3)).MoveToOuterDisposeScope());

        Assert.Equal(before + 1, torch.Tensor.TotalCount);
        result.Dispose();
    }
}
