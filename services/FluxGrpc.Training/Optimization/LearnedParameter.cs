using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Training.Optimization;

/// <summary>How a parameter is updated.</summary>
internal enum UpdateRule
{
    /// <summary>Steps scaled element by element.</summary>
    Adam,

    /// <summary>Steps of a matrix whose singular values are all made about one.</summary>
    Muon,
}

/// <summary>
/// A parameter with all that its training needs: the module computes with a bfloat16 copy, whose steps would vanish in rounding,
/// so the float32 master is what learns.
/// </summary>
internal sealed class LearnedParameter : IDisposable
{
    private readonly Dictionary<string, Tensor> _state;

    /// <param name="name">Name in the model, unique among all that are trained together.</param>
    /// <param name="parameter">The module's own.</param>
    /// <param name="rule">How it is updated.</param>
    public LearnedParameter(string name, Parameter parameter, UpdateRule rule)
    {
        using var noGradients = no_grad();
        (Name, Working, Rule) = (name, parameter, rule);
        Master = Float(parameter);
        Average = Float(parameter);
        Momentum = zeros_like(Master).DetachFromDisposeScope();
        Square = rule == UpdateRule.Adam ? zeros_like(Master).DetachFromDisposeScope() : null;
        _state = new() { [$"master.{name}"] = Master, [$"average.{name}"] = Average, [$"momentum.{name}"] = Momentum };
        if (Square is not null)
            _state.Add($"square.{name}", Square);
    }

    public string Name { get; }

    public UpdateRule Rule { get; }

    /// <summary>What the module computes with.</summary>
    public Parameter Working { get; }

    /// <summary>The learned values, float32.</summary>
    public Tensor Master { get; }

    /// <summary>Moving average of <see cref="Master"/>: what is shipped.</summary>
    public Tensor Average { get; }

    /// <summary>Moving average of the gradient.</summary>
    public Tensor Momentum { get; }

    /// <summary>Moving average of the gradient's squares; null with Muon.</summary>
    public Tensor? Square { get; }

    /// <summary>Everything that a resumed training needs, by name.</summary>
    public IReadOnlyDictionary<string, Tensor> State => _state;

    /// <summary>Gives the module the learned values, rounded.</summary>
    public void Publish()
    {
        using var noGradients = no_grad();
        Working.copy_(Master);
    }

    /// <summary>Gives the module the averaged values, rounded.</summary>
    public void PublishAverage()
    {
        using var noGradients = no_grad();
        Working.copy_(Average);
    }

    public void Dispose()
    {
        foreach (var tensor in _state.Values)
            tensor.Dispose();
    }

    private static Tensor Float(Tensor parameter) =>
        parameter.detach().to(ScalarType.Float32, copy: true).DetachFromDisposeScope();
}
