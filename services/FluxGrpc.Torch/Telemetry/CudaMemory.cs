using System.Globalization;
using System.Runtime.InteropServices;

namespace FluxGrpc.Torch.Telemetry;

/// <summary>
/// Memory of a CUDA device, asked of the driver: TorchSharp does not offer it. The driver numbers the devices as libtorch does
/// (CUDA_VISIBLE_DEVICES counts for both), and the context is the one that libtorch made.
/// </summary>
internal sealed partial class CudaMemory
{
    private const string Driver = "libcuda.so.1"; // Windows has it as nvcuda.dll; there this tells nothing.
    private const string Prefix = "cuda:";

    private readonly nint _context;

    private CudaMemory(nint context) => _context = context;

    /// <summary>Opens a device that libtorch has opened already; null where it is none of CUDA's or the driver is not there.</summary>
    /// <param name="device">"cpu", "cuda" or "cuda:0".</param>
    public static CudaMemory? TryOpen(string device)
    {
        if (!device.StartsWith("cuda", StringComparison.Ordinal) || !NativeLibrary.TryLoad(Driver, out _))
            return null;
        var ordinal = device.StartsWith(Prefix, StringComparison.Ordinal)
            ? int.Parse(device.AsSpan(Prefix.Length), CultureInfo.InvariantCulture)
            : 0;
        return cuInit(0) == 0 && cuDeviceGet(out var handle, ordinal) == 0 && cuDevicePrimaryCtxRetain(out var context, handle) == 0
            ? new CudaMemory(context)
            : null;
    }

    /// <summary>Bytes that are free and that there are; null where the driver does not tell.</summary>
    public (long Free, long Total)? Read()
    {
        if (cuCtxPushCurrent_v2(_context) != 0)
            return null;
        var result = cuMemGetInfo_v2(out var free, out var total);
        _ = cuCtxPopCurrent_v2(out _);
        return result == 0 ? ((long)free, (long)total) : null;
    }

    [LibraryImport(Driver)]
    private static partial int cuInit(uint flags);

    [LibraryImport(Driver)]
    private static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport(Driver)]
    private static partial int cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(Driver)]
    private static partial int cuCtxPushCurrent_v2(nint context);

    [LibraryImport(Driver)]
    private static partial int cuCtxPopCurrent_v2(out nint context);

    [LibraryImport(Driver)]
    private static partial int cuMemGetInfo_v2(out nuint free, out nuint total);
}
