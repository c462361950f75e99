using FluxGrpc.Torch;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Testing;

/// <summary>A module with nothing but parameters, nested as a list of keys says: what a checkpoint can be loaded into.</summary>
public sealed class KeyTree : nn.Module, ILoadableParameters
{
    /// <param name="keys">Keys such as <c>blocks.0.weight</c> with their shapes.</param>
    /// <param name="device">The meta device costs no memory.</param>
    public KeyTree(IEnumerable<(string Key, IReadOnlyList<long> Shape)> keys, Device? device = null) : base(nameof(KeyTree))
    {
        var children = new Dictionary<string, List<(string, IReadOnlyList<long>)>>();
        foreach (var (key, shape) in keys)
        {
            var dot = key.IndexOf('.', StringComparison.Ordinal);
            if (dot < 0)
            {
                register_parameter(key, new Parameter(empty([.. shape], device: device ?? META), requires_grad: false));
                continue;
            }

            if (!children.TryGetValue(key[..dot], out var below))
                children.Add(key[..dot], below = []);
            below.Add((key[(dot + 1)..], shape));
        }

        foreach (var (name, below) in children)
            register_module(name, new KeyTree(below, device));
    }

    /// <inheritdoc/>
    public void SetParameter(string name, Parameter value)
    {
        named_parameters(recurse: false).Single(pair => pair.name == name).parameter.Dispose();
        ConditionallyRegisterParameter(name, value);
    }
}
