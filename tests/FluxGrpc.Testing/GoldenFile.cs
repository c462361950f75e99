using FluxGrpc.Checkpoints;
using static TorchSharp.torch;

namespace FluxGrpc.Testing;

/// <summary>A file of named reference tensors.</summary>
public sealed class GoldenFile(SafetensorsFile file) : IDisposable
{
    /// <summary>The names of the tensors.</summary>
    public IEnumerable<string> Names => file.Tensors.Keys;

    /// <summary>A copy of a tensor on the CPU, in the type it is stored in; the caller disposes it.</summary>
    public Tensor this[string name]
    {
        get
        {
            using var view = file.View(name);
            return view.clone();
        }
    }

    /// <summary>The elements of a tensor, row-major, as float32.</summary>
    public float[] Floats(string name)
    {
        using var scope = NewDisposeScope();
        return file.View(name).to(ScalarType.Float32).data<float>().ToArray();
    }

    /// <summary>The elements of an integer tensor, row-major.</summary>
    public long[] Integers(string name)
    {
        using var scope = NewDisposeScope();
        return file.View(name).to(ScalarType.Int64).data<long>().ToArray();
    }

    /// <summary>The dimensions of a tensor.</summary>
    public IReadOnlyList<long> Shape(string name) => file.Tensors[name].Shape;

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
