using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// Runs loops on the OpenMP threads that libtorch computes with. After each of its own loops they wait awake for the next, so that
/// threads of .NET's pool would get no processor beside them until it is too late to help.
/// </summary>
internal static unsafe class OmpThreads
{
    /// <summary>What the compiler calls for "#pragma omp parallel": function, its argument, number of threads, flags.</summary>
    private static readonly delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void> _parallel =
        (delegate* unmanaged<delegate* unmanaged<void*, void>, void*, uint, uint, void>)Find("GOMP_parallel");

    private static readonly delegate* unmanaged<int> _threadNumber = (delegate* unmanaged<int>)Find("omp_get_thread_num");
    private static readonly delegate* unmanaged<int> _threadCount = (delegate* unmanaged<int>)Find("omp_get_num_threads");

    /// <summary>Runs all parts of something and returns when the last is done.</summary>
    /// <param name="parts">How many.</param>
    /// <param name="threads">As many as libtorch computes with: others would end, or be made anew, each time.</param>
    /// <param name="body">Gets the part's number; parts run at the same time.</param>
    public static void Run(int parts, int threads, Action<int> body)
    {
        if (_parallel is null || _threadNumber is null || _threadCount is null)
        {
            Parallel.For(0, parts, body);
            return;
        }

        var work = new Work(parts, body);
        var handle = GCHandle.Alloc(work);
        _parallel(&RunShare, (void*)GCHandle.ToIntPtr(handle), (uint)threads, 0);
        handle.Free();
        work.Failure?.Throw();
    }

    [UnmanagedCallersOnly]
    private static void RunShare(void* handle)
    {
        var work = (Work)GCHandle.FromIntPtr((nint)handle).Target!;
        try
        {
            // There may be fewer threads than parts.
            for (var part = _threadNumber(); part < work.Parts; part += _threadCount())
                work.Body(part);
        }
        catch (Exception exception) // It must not cross native code: the process would end.
        {
            work.Failure = ExceptionDispatchInfo.Capture(exception);
        }
    }

    /// <summary>Looked for in what libtorch depends on: in the OpenMP library that it uses; 0 where that is none or another kind.</summary>
    private static nint Find(string name) =>
        OperatingSystem.IsLinux()
        && NativeLibrary.TryLoad(Path.Combine(NativeLibraries.EnsureLoaded(), "libtorch_cpu.so"), out var libTorch)
        && NativeLibrary.TryGetExport(libTorch, name, out var address) ? address : 0;

    private sealed class Work(int parts, Action<int> body)
    {
        public int Parts => parts;

        public Action<int> Body => body;

        public ExceptionDispatchInfo? Failure { get; set; }
    }
}
