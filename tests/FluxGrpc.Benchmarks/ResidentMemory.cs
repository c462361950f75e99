using System.Globalization;

namespace FluxGrpc.Benchmarks;

/// <summary>Resident memory of a process as Linux counts it, mapped files included.</summary>
internal static class ResidentMemory
{
    /// <summary>Bytes resident now.</summary>
    public static long Now(int processId = 0) => Read(processId, "VmRSS:");

    /// <summary>Most bytes ever resident, or since <see cref="ResetPeak"/>.</summary>
    public static long Peak(int processId = 0) => Read(processId, "VmHWM:");

    /// <summary>Makes this process's peak its present size.</summary>
    public static void ResetPeak() => File.WriteAllText("/proc/self/clear_refs", "5");

    private static long Read(int processId, string field)
    {
        var process = processId == 0 ? "self" : processId.ToString(CultureInfo.InvariantCulture);
        var line = File.ReadLines($"/proc/{process}/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return 1024 * long.Parse(line[field.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }
}
