namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>Puts stored tensors together to the module's: renamed, stacked, halves swapped. Headers only, no data.</summary>
internal sealed class TensorAssembly
{
    private readonly Dictionary<string, CheckpointTensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _incomplete = new(StringComparer.Ordinal);

    /// <exception cref="InvalidDataException">Two tensors claim the same place, or those to be stacked have different rows.</exception>
    public TensorAssembly(IReadOnlyDictionary<string, StoredTensor> stored, Func<string, Placement> place)
    {
        var slots = new Dictionary<string, StoredTensor?[]>(StringComparer.Ordinal);
        var forms = new Dictionary<string, StoredForm>(StringComparer.Ordinal);
        foreach (var (name, tensor) in stored)
        {
            var placement = place(name);
            if (!slots.TryGetValue(placement.Target, out var filled))
                slots.Add(placement.Target, filled = new StoredTensor?[placement.Slots]);
            if (filled.Length != placement.Slots || filled[placement.Slot] is not null)
                throw new InvalidDataException($"tensor '{name}' and another one both hold '{placement.Target}'");
            filled[placement.Slot] = tensor;
            forms[placement.Target] = placement.Form;
        }

        foreach (var (target, filled) in slots)
        {
            if (Array.IndexOf(filled, null) < 0)
                _tensors.Add(target, Assemble(target, filled!, forms[target]));
            else
                _incomplete.Add(target, string.Join(", ", filled.OfType<StoredTensor>().Select(part => part.Entry.Name)));
        }
    }

    /// <summary>The complete tensors by the module's key.</summary>
    public IReadOnlyDictionary<string, CheckpointTensor> Tensors => _tensors;

    /// <summary>Of those that lack a part: the parts that are there, by the module's key.</summary>
    public IReadOnlyDictionary<string, string> Incomplete => _incomplete;

    private static CheckpointTensor Assemble(string target, StoredTensor[] parts, StoredForm form)
    {
        if (parts.Length > 1)
            return Stack(target, parts);
        var (part, shape, count) = (parts[0], parts[0].Entry.Shape, parts[0].Entry.ElementCount);
        return form switch
        {
            StoredForm.HalvesSwapped when shape is [var rows, ..] && rows % 2 == 0 =>
                new CheckpointTensor(target, shape, [part.Part(count / 2, count / 2), part.Part(0, count / 2)]),
            StoredForm.MatrixOfConvolution when shape.Count == 2 =>
                new CheckpointTensor(target, [.. shape, 1, 1], [part.Part(0, count)]),
            _ => new CheckpointTensor(target, shape, [part.Part(0, count)]),
        };
    }

    private static CheckpointTensor Stack(string target, StoredTensor[] parts)
    {
        var rowShape = parts[0].Entry.Shape.Skip(1).ToArray();
        if (parts.Any(part => part.Entry.Shape.Count == 0 || !part.Entry.Shape.Skip(1).SequenceEqual(rowShape)))
        {
            throw new InvalidDataException(
                $"'{target}' cannot be put together: {string.Join(", ", parts.Select(part => part.Entry.ToString()))}");
        }

        var rows = parts.Sum(part => part.Entry.Shape[0]);
        return new CheckpointTensor(target, [rows, .. rowShape], [.. parts.Select(part => part.Part(0, part.Entry.ElementCount))]);
    }
}
