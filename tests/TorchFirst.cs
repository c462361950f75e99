using System.Runtime.CompilerServices;

namespace FluxGrpc.Testing;

/// <summary>Loads libtorch before a test's first call to TorchSharp, which may come before any call of ours.</summary>
internal static class TorchFirst
{
#pragma warning disable CA2255 // A test assembly has no Main to do it in.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Load() => Torch.NativeLibraries.EnsureLoaded();
}
