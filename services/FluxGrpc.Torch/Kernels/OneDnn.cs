using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>oneDNN's matrix product, which libtorch has as an operator.</summary>
internal sealed class OneDnn : IDisposable
{
    private readonly jit.ScriptModule _script = TorchScriptArchive.Load(
        TorchScriptArchive.Method("linear", ["x", "w", "b"], Pointwise("b", "none", ""))
        + TorchScriptArchive.Method("linear_gelu", ["x", "w", "b"], Pointwise("b", "gelu", "tanh"))
        + TorchScriptArchive.Method("product", ["x", "w"], Pointwise("None", "none", "")));

    /// <summary>x·wᵀ + b.</summary>
    /// <param name="x">[…, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out], or null.</param>
    public Tensor Linear(Tensor x, Tensor weight, Tensor? bias) =>
        (Tensor)(bias is null ? _script.invoke("product", x, weight) : _script.invoke("linear", x, weight, bias));

    /// <summary>gelu(x·wᵀ + b), in its tanh form.</summary>
    /// <param name="x">[…, in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out].</param>
    public Tensor LinearGelu(Tensor x, Tensor weight, Tensor bias) => (Tensor)_script.invoke("linear_gelu", x, weight, bias);

    public void Dispose() => _script.Dispose();

    private static string Pointwise(string bias, string activation, string form) =>
        $"ops.mkldnn._linear_pointwise(x, w, {bias}, \"{activation}\", annotate(List[Optional[number]], []), \"{form}\")";
}
