namespace FluxGrpc.Checkpoints;

/// <summary>A run of consecutive elements of a stored tensor.</summary>
/// <param name="File">Where it is stored.</param>
/// <param name="Entry">The stored tensor.</param>
/// <param name="First">The run's first element.</param>
/// <param name="Count">The run's length in elements.</param>
/// <param name="Scale">Factor on the stored values (scaled float8), 1 for none.</param>
internal sealed record TensorPart(SafetensorsFile File, TensorEntry Entry, long First, long Count, float Scale)
{
    public long ByteLength => Count * Entry.Type.SizeInBytes();
}
