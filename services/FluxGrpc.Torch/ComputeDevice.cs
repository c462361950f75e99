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

    /// <summary>What linear layers hold their weights in once they are loaded.</summary>
    public WeightType WeightType { get; init; }

    /// <summary>Layers of at least so many weights are rounded, where any are: of smaller ones neither time nor memory tells.</summary>
    public long RoundedFrom { get; init; } = PackedLinear.MostElements + 1;

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
    /// <param name="weightType">"stored", "compute", "float8" or "int8": see <see cref="Kernels.WeightType"/>.</param>
    /// <exception cref="ArgumentException">
    /// No such device, type, kernels or type of weights, or not there; the message names those there are.
    /// </exception>
    public static ComputeDevice Open(string device, string type, string kernels = ComputeKernels.Auto, string weightType = "stored")
    {
        NativeLibraries.EnsureLoaded();
        var opened = OpenDevice(device);
        var resolved = ResolveType(type, opened);
        if (opened.type == DeviceType.CUDA && resolved == torch.ScalarType.Float32)
            torch.backends.cudnn.allow_tf32 = false; // libtorch would convolve with 10 bits of mantissa.
        var held = weightType switch
        {
            "stored" => WeightType.Stored,
            "compute" => WeightType.Compute,
            "float8" => WeightType.Float8,
            "int8" => WeightType.Int8,
            _ => throw new ArgumentException($"type of weights '{weightType}' is unknown; allowed: stored, compute, float8, int8"),
        };
        var chosen = ComputeKernels.For(opened.type, kernels, held);
        if (held == WeightType.Float8)
            Float8Product.Check(opened, resolved);
        if (held == WeightType.Int8)
            Int8Product.Check();
        return new ComputeDevice(opened, resolved) { Kernels = chosen, WeightType = held };
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
