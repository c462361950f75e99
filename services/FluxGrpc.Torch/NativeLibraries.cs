using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace FluxGrpc.Torch;

/// <summary>Loads libtorch before TorchSharp's first call: every program that computes calls <see cref="EnsureLoaded"/> first.</summary>
public static partial class NativeLibraries
{
    /// <summary>Environment variable naming the <c>lib</c> folder of an existing PyTorch or libtorch to use instead.</summary>
    public const string LibTorchVariable = "FLUX_LIBTORCH";

    // In the order of their dependence; those of CUDA are there only in a CUDA build.
    private static readonly string[] _libTorchLibraries =
        ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"];

    private static readonly Lazy<string> _loadedFrom = new(Load);

    /// <summary>The folder that libtorch was loaded from.</summary>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded; the message names the folder tried.</exception>
    public static string EnsureLoaded() => _loadedFrom.Value;

    /// <summary>Runs when a type of this library is first touched, which may be before any call of ours.</summary>
#pragma warning disable CA2255 // A test or tool may touch torch through this library only; loading late is an error there.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void OnModuleLoad()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            EnsureLoaded();
        }
        catch (DllNotFoundException)
        {
            // Thrown here it would reach nobody but as a failed type initializer; the next EnsureLoaded throws it again.
        }
    }

    private static string Load()
    {
        if (!OperatingSystem.IsLinux())
            return AppContext.BaseDirectory; // TorchSharp's own rules find the package's natives.

        var bindings = BindingsFolder();
        var existing = Environment.GetEnvironmentVariable(LibTorchVariable);
        var libTorch = !string.IsNullOrEmpty(existing) ? existing
            : File.Exists(Path.Combine(bindings, "libtorch.so")) ? bindings
            : AppContext.BaseDirectory;

        if (!File.Exists(Path.Combine(libTorch, "libtorch.so")))
        {
            throw new DllNotFoundException(
                $"No libtorch.so in '{libTorch}'. Set {LibTorchVariable} to the lib folder of a PyTorch 2.10 install "
                + "(python3 -c \"import torch; print(torch.__path__[0] + '/lib')\") or of the NuGet package libtorch-cpu-linux-x64, "
                + "or build with -p:TorchBackend=cpu.");
        }

        LimitWaitingAwake();

        // The loader then resolves the bindings' dependencies to these by name, wherever the bindings lie.
        foreach (var library in _libTorchLibraries)
        {
            var path = Path.Combine(libTorch, library);
            if (File.Exists(path))
                NativeLibrary.Load(path);
        }

        NativeLibrary.Load(Path.Combine(bindings, "libLibTorchSharp.so"));
        return libTorch;
    }

    /// <summary>
    /// OpenMP threads wait awake for their next loop, 5 ms by default and 14 on Intel, where "pause" takes longer: the autoencoder would
    /// begin on half of the cores, for the denoiser's threads still hold theirs. Within a step they wait for tenths of a millisecond.
    /// </summary>
    private static void LimitWaitingAwake()
    {
        const string SpinCount = "GOMP_SPINCOUNT";
        const string Spins = "50000";
        if (Environment.GetEnvironmentVariable(SpinCount) is null && Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null)
            _ = SetEnvironmentVariable(SpinCount, Spins, overwrite: 0);
    }

    /// <summary>What native libraries see: .NET's own variables are a copy.</summary>
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetEnvironmentVariable(string name, string value, int overwrite);

    /// <summary>Beside the program where it was published, else in the solution's artifacts.</summary>
    private static string BindingsFolder()
    {
        var published = Path.Combine(AppContext.BaseDirectory, "torch-native");
        if (File.Exists(Path.Combine(published, "libLibTorchSharp.so")))
            return published;

        return typeof(NativeLibraries).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .First(attribute => attribute.Key == "TorchNativeDir").Value!;
    }
}
