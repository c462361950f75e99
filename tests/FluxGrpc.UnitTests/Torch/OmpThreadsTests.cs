using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using Xunit;

namespace FluxGrpc.UnitTests.Torch;

/// <summary>Our own loops on libtorch's OpenMP threads.</summary>
public sealed partial class OmpThreadsTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(7, 2)]
    [InlineData(2, 5)]
    public void Each_part_runs_once(int parts, int threads)
    {
        var seen = new ConcurrentBag<int>();

        OmpThreads.Run(parts, threads, seen.Add);

        Assert.Equal(Enumerable.Range(0, parts), seen.Order());
    }

    [Fact]
    public void Parts_run_at_the_same_time()
    {
        using var both = new Barrier(2);

        OmpThreads.Run(2, 2, _ => Assert.True(both.SignalAndWait(TimeSpan.FromSeconds(10)), "The other part did not begin"));
    }

    [Fact]
    public void A_failure_reaches_the_caller_and_the_next_loop_runs()
    {
        var failure = Assert.Throws<InvalidOperationException>(
            () => OmpThreads.Run(2, 2, part => throw new InvalidOperationException($"part {part}")));

        Assert.StartsWith("part ", failure.Message, StringComparison.Ordinal);
        Each_part_runs_once(2, 2);
    }

    /// <summary>While they do, other services on the same cores get less of them.</summary>
    [Fact]
    public void Threads_wait_awake_for_a_millisecond_at_most()
    {
        if (!OperatingSystem.IsLinux())
            return;
        NativeLibraries.EnsureLoaded();

        var expected = Environment.GetEnvironmentVariable("GOMP_SPINCOUNT")
            ?? (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null ? "50000" : null);
        Assert.Equal(expected, Marshal.PtrToStringUTF8(GetNativeVariable("GOMP_SPINCOUNT")));
    }

    [LibraryImport("libc", EntryPoint = "getenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint GetNativeVariable(string name);
}
