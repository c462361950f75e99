using System.Runtime.CompilerServices;
using FluxGrpc.Torch;

namespace FluxGrpc.UnitTests;

/// <summary>Loads libtorch before any test: whichever runs first may be one that touches torch before a type of ours.</summary>
internal static class TorchInTests
{
#pragma warning disable CA2255 // The test host has no Main of ours to call this from.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Load() => NativeLibraries.EnsureLoaded();
}
