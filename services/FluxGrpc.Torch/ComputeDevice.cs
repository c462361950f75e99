using System.Globalization;
using FluxGrpc.Torch.Kernels;
using FluxGrpc.Torch.Telemetry;
using TorchSharp;

namespace FluxGrpc.Torch;

/// <summary>The device that a service is pinned to, and the type it multiplies in.</summary>
/// <param name="Device">The device.</param>
/// <param name="Type">float32 or bfloat16.</param>
public sealed record ComputeDevice(torch.Device Device, torch.ScalarType Type)
{
    /// <summary>How it computes; the plain way unless another was opened.</summary>
    public ComputeKernels Kernels { get; init; } = ComputeKernels.Plain;

    /// <summary>
    /// True where linear layers keep weights that are stored in float8 as they are, see <see cref="Float8Weights"/>; else they get the
    /// compute type when they are loaded.
    /// </summary>
    public bool KeepsFloat8 { get; init; }

    /// <summary>Linear layers of at least so many weights are rounded to int8 when they are loaded; null for none.</summary>
    public long? Int8From { get; init; }

    /// <summary>Name as configured: "cpu", "cuda:0".</summary>
    public string Name => Device.type == DeviceType.CPU ? "cpu" : $"cuda:{Device.index}";

    /// <summary>Kind without index, part of a fingerprint: "cpu", "cuda".</summary>
    public string Kind => Device.type == DeviceType.CPU ? "cpu" : "cuda";

    /// <summary>Name of the type: "float32", "bfloat16".</summary>
    public string TypeName => Type == torch.ScalarType.BFloat16 ? "bfloat16" : "float32";

    /// <summary>
    /// Bytes of the device's own memory that are in use by whomever; libtorch keeps what it had at its peak. Null on a CPU, and where the
    /// driver does not tell.
    /// </summary>
    public long? MemoryInUse() => CudaMemory.TryOpen(Name)?.Read() is { } memory ? memory.Total - memory.Free : null;

    /// <summary>Opens a device by name.</summary>
    /// <param name="device">"cpu", "cuda" (the first) or "cuda:N".</param>
    /// <param name="type">"float32", "bfloat16" or "auto": bfloat16 on CUDA and on processors that multiply it fast.</param>
    /// <param name="kernels">"plain", "fused", "onednn" or "auto": see <see cref="ComputeKernels.For"/>.</param>
    /// <param name="float8">
    /// What becomes of linear layers' weights that are stored in float8: "convert" (to the compute type when they are loaded), "keep"
    /// (converted for each product: the same bytes), "multiply" (kept, and computed in float8) or "auto" (kept on CUDA, where memory is
    /// scarce, else converted).
    /// </param>
    /// <param name="int8">Large linear layers are rounded to int8 when they are loaded, and computed in it: on a CPU.</param>
    /// <exception cref="ArgumentException">
    /// No such device, type, kernels or use of float8, or no int8 there; the message names those there are.
    /// </exception>
    public static ComputeDevice Open(
        string device, string type, string kernels = ComputeKernels.Auto, string float8 = ComputeKernels.Auto, bool int8 = false)
    {
        NativeLibraries.EnsureLoaded();
        var opened = OpenDevice(device);
        var resolved = ResolveType(type, opened);
        if (opened.type == DeviceType.CUDA && resolved == torch.ScalarType.Float32)
            torch.backends.cudnn.allow_tf32 = false; // libtorch would convolve with 10 bits of mantissa.
        var keepsFloat8 = float8 switch
        {
            "convert" => false,
            "keep" or "multiply" => true,
            ComputeKernels.Auto => opened.type == DeviceType.CUDA,
            _ => throw new ArgumentException($"use of float8 '{float8}' is unknown; allowed: auto, convert, keep, multiply"),
        };
        if (int8 && keepsFloat8 && float8 != ComputeKernels.Auto)
            throw new ArgumentException($"int8 takes the place of what is stored: float8 '{float8}' is not for it; allowed: auto, convert");
        var multiplies = float8 == "multiply";
        if (multiplies)
            Float8Product.Check(opened, resolved);
        var chosen = ComputeKernels.For(opened.type, kernels, multiplies, int8);
        if (int8)
            Int8Product.Check();
        return new ComputeDevice(opened, resolved)
        {
            Kernels = chosen,
            KeepsFloat8 = keepsFloat8,
            Int8From = int8 ? Int8Weights.LeastElements : null,
        };
    }

    /// <summary>Names of the devices on this machine: "cpu", "cuda:0", ...</summary>
    public static IReadOnlyList<string> Available()
    {
        NativeLibraries.EnsureLoaded();
        var count = torch.TryInitializeDeviceType(DeviceType.CUDA) ? torch.cuda.device_count() : 0;
        return ["cpu", .. Enumerable.Range(0, count).Select(index => $"cuda:{index}")];
    }

    private static torch.Device OpenDevice(string name)
    {
        var available = Available();
        var wanted = name == "cuda" ? "cuda:0" : name;
        if (!available.Contains(wanted))
            throw new ArgumentException($"device '{name}' is not there; devices of this machine: {string.Join(", ", available)}");
        if (wanted == "cpu")
        {
            torch.InitializeDeviceType(DeviceType.CPU);
            return torch.CPU;
        }

        torch.InitializeDeviceType(DeviceType.CUDA);
        return torch.device(DeviceType.CUDA, int.Parse(wanted.AsSpan("cuda:".Length), CultureInfo.InvariantCulture));
    }

    private static torch.ScalarType ResolveType(string type, torch.Device device) => type switch
    {
        "float32" => torch.ScalarType.Float32,
        "bfloat16" => torch.ScalarType.BFloat16,
        "auto" when device.type == DeviceType.CUDA || Processor.MultipliesBfloat16 => torch.ScalarType.BFloat16,
        "auto" => torch.ScalarType.Float32,
        _ => throw new ArgumentException($"compute type '{type}' is unknown; allowed: auto, float32, bfloat16"),
    };
}
