using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace FluxGrpc.Checkpoints;

/// <summary>A file mapped read only; unmapped when the opener and all leases are gone.</summary>
internal sealed unsafe partial class MappedFile : IDisposable
{
    private const int AdviseDontNeed = 4; // MADV_DONTNEED of Linux and macOS alike.

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _start;
    private int _uses = 1;
    private int _disposed;

    private MappedFile(MemoryMappedFile file, MemoryMappedViewAccessor view, long length)
    {
        (_file, _view, Length) = (file, view, length);
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>Bytes of the file when it was opened.</summary>
    public long Length { get; }

    /// <summary>Maps a file.</summary>
    /// <exception cref="InvalidDataException">It is empty or cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            var length = stream.Length;
            if (length == 0)
                throw new InvalidDataException($"'{path}' is empty");
            var file = MemoryMappedFile.CreateFromFile(
                stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return new MappedFile(file, file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read), length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InvalidDataException($"'{path}' cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Address of a byte of the file.</summary>
    public nint Address(long offset) => (nint)(_start + offset);

    /// <summary>Bytes of the file, valid while it is mapped.</summary>
    public ReadOnlySpan<byte> Span(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _uses) == 0, this);
        return new ReadOnlySpan<byte>(_start + offset, length);
    }

    /// <summary>Keeps the file mapped until the result is disposed.</summary>
    public IDisposable Lease()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        Interlocked.Increment(ref _uses);
        return new MappingLease(this);
    }

    /// <summary>
    /// Takes pages that were read out of this process's resident memory; they stay in the system's cache and come back when touched.
    /// </summary>
    public void Release(long offset, long length)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
            return;
        var pageMask = ~((nint)Environment.SystemPageSize - 1);
        var first = Address(offset) & pageMask;
        var end = Address(Math.Min(offset + length, Length));
        _ = madvise(first, (nuint)(end - first), AdviseDontNeed); // Advice only: a refusal costs memory, not correctness.
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
            EndUse();
    }

    private void EndUse()
    {
        if (Interlocked.Decrement(ref _uses) != 0)
            return;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    [LibraryImport("libc")]
    private static partial int madvise(nint address, nuint length, int advice);

    private sealed class MappingLease(MappedFile file) : IDisposable
    {
        private MappedFile? _file = file;

        public void Dispose() => Interlocked.Exchange(ref _file, null)?.EndUse();
    }
}
