using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// oneDNN's matrix product, which libtorch has as an operator but TorchSharp has no name for: called from a TorchScript module that is
/// written in memory. Its wrong shapes are ordinary exceptions; a mistake in the script would end the process.
/// </summary>
internal sealed class OneDnn : IDisposable
{
    private const string Pointwise = "ops.mkldnn._linear_pointwise(x, w, {0}, \"{1}\", annotate(List[Optional[number]], []), \"{2}\")";

    private readonly jit.ScriptModule _script = jit.load(Archive(
        Method("linear", "x: Tensor, w: Tensor, b: Tensor", Pointwise, "b", "none", "")
        + Method("linear_gelu", "x: Tensor, w: Tensor, b: Tensor", Pointwise, "b", "gelu", "tanh")
        + Method("product", "x: Tensor, w: Tensor", Pointwise, "None", "none", "")));

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

    private static string Method(string name, string parameters, string expression, params object[] values) =>
        $"  def {name}(self: __torch__.M, {parameters}) -> Tensor:\n    return {string.Format(null, expression, values)}\n";

    /// <summary>A TorchScript archive with one module of these methods.</summary>
    private static byte[] Archive(string methods)
    {
        using var memory = new MemoryStream();
        using (var zip = new ZipArchive(memory, ZipArchiveMode.Create, leaveOpen: true))
        {
            void Add(string name, ReadOnlySpan<byte> content)
            {
                using var entry = zip.CreateEntry($"m/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }

            // Pickled: an object of __torch__.M whose state is {"training": False}; then an empty tuple of constants.
            Add("data.pkl", [0x80, 2, (byte)'c', .. "__torch__\nM\n"u8, (byte)')', 0x81, (byte)'}', (byte)'X', 8, 0, 0, 0, .. "training"u8,
                0x89, (byte)'s', (byte)'b', (byte)'.']);
            Add("constants.pkl", [0x80, 2, (byte)')', (byte)'.']);
            Add("version", "3\n"u8);
            Add("code/__torch__.py", Encoding.UTF8.GetBytes(
                "class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n" + methods));
        }

        return memory.ToArray();
    }
}
