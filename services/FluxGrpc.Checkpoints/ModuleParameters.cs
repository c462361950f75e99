using System.Collections;
using FluxGrpc.Tensors;
using FluxGrpc.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Checkpoints;

/// <summary>A module's parameters with their owners: what a checkpoint fills.</summary>
internal sealed class ModuleParameters : IEnumerable<ModuleParameters.Slot>
{
    private readonly List<Slot> _slots = [];

    public static ModuleParameters Of(nn.Module module)
    {
        var parameters = new ModuleParameters();
        parameters.Collect(module, "");
        return parameters;
    }

    /// <summary>Checks names and shapes.</summary>
    /// <param name="tensors">The checkpoint's tensors.</param>
    /// <param name="incomplete">Tensors of which only the named parts are there.</param>
    /// <param name="verdict">How the message begins.</param>
    /// <exception cref="InvalidDataException">The two differ.</exception>
    public void MustMatch(
        IReadOnlyDictionary<string, CheckpointTensor> tensors, IReadOnlyDictionary<string, string> incomplete, string verdict)
    {
        var expected = _slots.ToDictionary(slot => slot.Key, StringComparer.Ordinal);
        var missing = _slots.Where(slot => !tensors.ContainsKey(slot.Key))
            .Select(slot => incomplete.TryGetValue(slot.Key, out var parts) ? $"{slot.Key} (of which only {parts})" : slot.Key).ToArray();
        var unexpected = tensors.Keys.Concat(incomplete.Keys).Where(key => !expected.ContainsKey(key)).ToArray();
        var misshaped = _slots.Where(slot => tensors.TryGetValue(slot.Key, out var tensor) && !tensor.Shape.SequenceEqual(slot.Shape))
            .Select(slot => $"{slot.Key} {Shape.Format(tensors[slot.Key].Shape)} instead of {Shape.Format(slot.Shape)}").ToArray();
        var mistyped = tensors.Values
            .Where(tensor => expected.ContainsKey(tensor.Name) && !tensor.Parts.All(part => part.Entry.Type.IsFloatingPoint()))
            .Select(tensor => tensor.ToString()).ToArray();
        var mismatches = new Mismatches
        {
            { "missing", missing },
            { "unexpected", unexpected },
            { "of another shape", misshaped },
            { "not of a floating-point type", mistyped },
        };
        if (!mismatches.IsEmpty)
            throw new InvalidDataException($"{verdict}: {mismatches}");
    }

    public IEnumerator<Slot> GetEnumerator() => _slots.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private void Collect(nn.Module module, string prefix)
    {
        foreach (var (name, parameter) in module.named_parameters(recurse: false))
            _slots.Add(new Slot(module, name, prefix + name, parameter));
        foreach (var (name, child) in module.named_children())
            Collect(child, $"{prefix}{name}.");
    }

    /// <summary>A place for a parameter.</summary>
    /// <param name="Owner">The module that registered it.</param>
    /// <param name="Name">Its name there.</param>
    /// <param name="Key">Its key in the whole module.</param>
    /// <param name="Present">What is there now.</param>
    internal sealed record Slot(nn.Module Owner, string Name, string Key, Parameter Present)
    {
        public IReadOnlyList<long> Shape { get; } = Present.shape;

        /// <summary>Puts another parameter there and disposes the old one.</summary>
        /// <exception cref="InvalidOperationException">The owner gives no way to do so: a mistake in the module's code.</exception>
        public void Replace(Parameter value)
        {
            if (Owner is ILoadableParameters loadable)
            {
                loadable.SetParameter(Name, value);
            }
            else
            {
                // torch's own layers register what is assigned to their property.
                var property = Owner.GetType().GetProperty(Name);
                if (property is not { CanWrite: true } || !property.PropertyType.IsAssignableFrom(typeof(Parameter)))
                {
                    throw new InvalidOperationException(
                        $"{Owner.GetType().Name} has no property '{Name}' to set; let it implement {nameof(ILoadableParameters)}");
                }

                property.SetValue(Owner, value);
            }

            Present.Dispose();
        }
    }
}
