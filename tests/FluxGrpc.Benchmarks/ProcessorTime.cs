using System.Diagnostics;

namespace FluxGrpc.Benchmarks;

/// <summary>Processor time of a process, user and system, of all its threads.</summary>
internal static class ProcessorTime
{
    /// <summary>Seconds so far.</summary>
    public static double SecondsOf(int processId)
    {
        using var process = Process.GetProcessById(processId);
        return process.TotalProcessorTime.TotalSeconds;
    }
}
