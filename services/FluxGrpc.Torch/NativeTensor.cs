using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Torch;

/// <summary>Tensors over memory that somebody else owns, without a copy: TorchSharp itself offers that for arrays only.</summary>
public static unsafe partial class NativeTensor
{
    /// <summary>libtorch's number for float8_e4m3fn, which <see cref="ScalarType"/> lacks.</summary>
    public const sbyte Float8E4M3Fn = 24;

    /// <summary>Makes a CPU tensor over memory.</summary>
    /// <param name="memory">Address of the first element; must stay valid until <paramref name="owner"/> is disposed.</param>
    /// <param name="shape">Dimensions; the memory holds their product.</param>
    /// <param name="scalarType">libtorch's number of the element type: a <see cref="ScalarType"/> or <see cref="Float8E4M3Fn"/>.</param>
    /// <param name="owner">Disposed when libtorch drops the last reference to the tensor's storage.</param>
    /// <remarks>Writing to a tensor over a read-only mapping kills the process.</remarks>
    public static Tensor Wrap(nint memory, ReadOnlySpan<long> shape, sbyte scalarType, IDisposable owner)
    {
        Owners.Add(memory, owner);
        nint handle;
        fixed (long* dimensions = shape)
        {
            handle = THSTensor_new(memory, (nint)(delegate* unmanaged[Cdecl]<nint, void>)&Free, (nint)dimensions, shape.Length,
                scalarType, scalarType, (int)DeviceType.CPU, -1, 0);
        }

        if (handle == 0)
            CheckForErrors();
        return Tensor.UnsafeCreateTensor(handle);
    }

    /// <summary>Address of the first element of a contiguous CPU tensor.</summary>
    public static nint DataPointer(Tensor tensor) => THSTensor_data(tensor.Handle);

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_data(nint handle);

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_new(nint data, nint deleter, nint dimensions, int rank, sbyte type, sbyte dtype,
        int deviceType, int deviceIndex, byte requiresGrad);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Free(nint memory) => Owners.Remove(memory).Dispose();

    /// <summary>
    /// Who owns which address: libtorch hands its deleter the address and nothing else. An address that is wrapped twice has two
    /// owners of the same memory, so that either may go first.
    /// </summary>
    private static class Owners
    {
        private static readonly Lock _lock = new();
        private static readonly Dictionary<nint, Stack<IDisposable>> _byAddress = [];

        public static void Add(nint memory, IDisposable owner)
        {
            lock (_lock)
            {
                if (!_byAddress.TryGetValue(memory, out var owners))
                    _byAddress.Add(memory, owners = new Stack<IDisposable>(1));
                owners.Push(owner);
            }
        }

        public static IDisposable Remove(nint memory)
        {
            lock (_lock)
            {
                var owners = _byAddress[memory];
                var owner = owners.Pop();
                if (owners.Count == 0)
                    _byAddress.Remove(memory);
                return owner;
            }
        }
    }
}
