namespace FluxGrpc.Benchmarks.Soak;

/// <summary>What a process holds.</summary>
/// <param name="Memory">Resident bytes.</param>
/// <param name="Handles">Open file descriptors.</param>
/// <param name="Threads">Threads.</param>
internal readonly record struct ProcessFootprint(long Memory, int Handles, int Threads)
{
    /// <summary>Reads it, on Linux.</summary>
    public static ProcessFootprint Of(int processId) => new(
        ResidentMemory.Now(processId),
        Directory.GetFileSystemEntries($"/proc/{processId}/fd").Length,
        Directory.GetDirectories($"/proc/{processId}/task").Length);
}
