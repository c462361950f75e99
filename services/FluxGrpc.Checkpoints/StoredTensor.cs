namespace FluxGrpc.Checkpoints;

/// <summary>A tensor as some file stores it.</summary>
/// <param name="File">The file.</param>
/// <param name="Entry">The tensor in it.</param>
/// <param name="Scale">Factor on the stored values (scaled float8), 1 for none.</param>
internal sealed record StoredTensor(SafetensorsFile File, TensorEntry Entry, float Scale = 1)
{
    public TensorPart Part(long first, long count) => new(File, Entry, first, count, Scale);
}
