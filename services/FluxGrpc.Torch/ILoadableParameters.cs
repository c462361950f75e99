using TorchSharp.Modules;

namespace FluxGrpc.Torch;

/// <summary>A module that holds parameters itself rather than in torch's own layers: the checkpoint loader fills it through this.</summary>
public interface ILoadableParameters
{
    /// <summary>Replaces a registered parameter; the module owns the new one and disposes the old one.</summary>
    /// <param name="name">The parameter's name inside this module: the last part of its key.</param>
    /// <param name="value">A tensor of the same shape.</param>
    void SetParameter(string name, Parameter value);
}
