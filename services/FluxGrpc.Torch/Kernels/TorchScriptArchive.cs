using System.IO.Compression;
using System.Text;
using static TorchSharp.torch;

namespace FluxGrpc.Torch.Kernels;

/// <summary>
/// A TorchScript module that is written in memory: the way to operators that libtorch has and TorchSharp has no name for. Wrong shapes
/// are ordinary exceptions; a mistake in the script would end the process.
/// </summary>
internal static class TorchScriptArchive
{
    /// <summary>Loads a module without state.</summary>
    /// <param name="methods">From <see cref="Method"/>, one after another.</param>
    public static jit.ScriptModule Load(string methods)
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

        return jit.load(memory.ToArray());
    }

    /// <summary>A method of one expression.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="parameters">Names of tensors.</param>
    /// <param name="expression">In TorchScript's serialised form; gives a tensor.</param>
    public static string Method(string name, IEnumerable<string> parameters, string expression) =>
        $"  def {name}(self: __torch__.M, {string.Join(", ", parameters.Select(parameter => $"{parameter}: Tensor"))}) -> Tensor:\n"
        + $"    return {expression}\n";
}
