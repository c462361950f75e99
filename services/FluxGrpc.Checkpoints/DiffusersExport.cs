using System.Globalization;
using FluxGrpc.Checkpoints.KeyMaps;
using static TorchSharp.torch;

namespace FluxGrpc.Checkpoints;

/// <summary>
/// A module's tensors as the diffusers library stores them: the reading of <see cref="Checkpoint"/>, the other way round.
/// </summary>
public static class DiffusersExport
{
    // Reads the network's number of blocks off its keys; more than any has.
    private const int MostBlocks = 64;

    /// <summary>Cuts a transformer's tensors.</summary>
    /// <param name="tensors">The module's tensors by key.</param>
    /// <returns>Every tensor of the module, some as several, contiguous.</returns>
    /// <exception cref="ArgumentException">A key is none of the official network's.</exception>
    public static IEnumerable<TensorContent> Transformer(IReadOnlyDictionary<string, Tensor> tensors) =>
        Export(tensors, DiffusersTransformerKeys.Names(MostBlocks, MostBlocks), DiffusersTransformerKeys.Place);

    /// <summary>Renames an autoencoder's tensors.</summary>
    /// <inheritdoc cref="Transformer"/>
    public static IEnumerable<TensorContent> AutoEncoder(IReadOnlyDictionary<string, Tensor> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var levels = Enumerable.Range(0, MostBlocks).Count(level =>
            tensors.ContainsKey(string.Create(CultureInfo.InvariantCulture, $"decoder.up.{level}.block.0.conv1.weight")));
        var names = DiffusersVaeKeys.Names(levels, MostBlocks).ToList();
        return Export(tensors, names, new DiffusersVaeKeys(names).Place);
    }

    private static List<TensorContent> Export(
        IReadOnlyDictionary<string, Tensor> tensors, IEnumerable<string> names, Func<string, Placement> place)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        using var scope = NewDisposeScope();
        var hiddenSize = tensors.TryGetValue("img_in.bias", out var bias) ? bias.shape[0] : 0;
        var exported = new List<TensorContent>();
        var used = new HashSet<string>();
        foreach (var name in names)
        {
            var placement = place(name);
            if (!tensors.TryGetValue(placement.Target, out var tensor))
                continue;
            used.Add(placement.Target);
            exported.Add(TensorContent.Of(name, InStoredForm(Slot(tensor.detach(), placement, hiddenSize), placement.Form)));
        }

        var unknown = tensors.Keys.FirstOrDefault(key => !used.Contains(key));
        return unknown is null
            ? exported
            : throw new ArgumentException($"'{unknown}' has no name in the diffusers library", nameof(tensors));
    }

    /// <summary>The rows of one of the stacked tensors; the last has what the others, as many as a token is wide, leave.</summary>
    private static Tensor Slot(Tensor stacked, Placement placement, long hiddenSize)
    {
        if (placement.Slots == 1)
            return stacked;
        var first = placement.Slot * hiddenSize;
        var isLast = placement.Slot == placement.Slots - 1;
        return stacked.narrow(0, first, isLast ? stacked.shape[0] - first : hiddenSize);
    }

    private static Tensor InStoredForm(Tensor tensor, StoredForm form) => form switch
    {
        StoredForm.HalvesSwapped => tensor.roll(tensor.shape[0] / 2, 0),
        StoredForm.MatrixOfConvolution when tensor.dim() > 1 => tensor.flatten(1),
        _ => tensor,
    };
}
