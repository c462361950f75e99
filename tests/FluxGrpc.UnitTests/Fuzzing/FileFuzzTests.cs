using CsCheck;
using FluxGrpc.Checkpoints;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder.Tokenization;
using Xunit;
using Xunit.Abstractions;

namespace FluxGrpc.UnitTests.Fuzzing;

/// <summary>
/// Files that lie end in <see cref="InvalidDataException"/>, soon, and without much memory; so do pictures that callers send.
/// </summary>
public sealed class FileFuzzTests(ITestOutputHelper output) : IDisposable
{
    private const long Kilobyte = 1024;
    private const int Side = 64;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Safetensors_files() => FuzzRun.Run(
        Mutation.Of(Corpus.Safetensors),
        bytes =>
        {
            var path = Write("x.safetensors", bytes);
            Documented(() =>
            {
                using var file = SafetensorsFile.Open(path);
                foreach (var name in file.Tensors.Keys)
                {
                    Assert.Equal(file.Tensors[name].ByteLength, file.Bytes(name).Length);
                    using var tensor = file.View(name);
                    Assert.Equal(file.Tensors[name].ElementCount, tensor.numel());
                }
            });
        },
        Convert.ToHexString, bytes => (64 * Kilobyte) + (64L * bytes.Length), output, share: 0.15);

    [Fact]
    public void SentencePiece_models() => FuzzRun.Run(
        Mutation.Of(Corpus.SentencePiece),
        bytes =>
        {
            var path = Write("spiece.model", bytes);
            Documented(() => T5Tokenizer.Load(path).Encode("a red circle", length: 16));
        },
        Convert.ToHexString, bytes => (16L << 20) + (512L * bytes.Length), output, share: 0.05); // Loading probes all characters.

    [Fact]
    public void Vocabularies_and_merges_of_CLIP() => FuzzRun.Run(
        Gen.Select(Mutation.Of(Corpus.ClipVocabulary), Mutation.Of(Corpus.ClipMerges)),
        files =>
        {
            var path = Path.GetDirectoryName(Write("vocab.json", files.Item1))!;
            Write("merges.txt", files.Item2);
            Documented(() => ClipTokenizer.Load(path).Encode("a red circle", length: 16));
        },
        files => $"{Convert.ToHexString(files.Item1)} {Convert.ToHexString(files.Item2)}",
        files => (1024 * Kilobyte) + (512L * (files.Item1.Length + files.Item2.Length)), output, share: 0.1);

    [Fact]
    public void Pictures() => FuzzRun.Run(
        Mutation.Of(Corpus.Pictures),
        bytes => Documented(() =>
        {
            Assert.Equal(3 * Side * Side, PictureReader.Read(bytes, Side, Side).Length);
            PictureReader.ReadSettings(bytes);
        }),
        Convert.ToHexString, bytes => (256 * Kilobyte) + (16L * bytes.Length), output, share: 0.05);

    private static void Documented(Action read)
    {
        try
        {
            read();
        }
        catch (InvalidDataException)
        {
            // What the readers document for files that are not what they should be.
        }
    }

    private string Write(string name, byte[] bytes)
    {
        var path = _folder.PathOf(name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
