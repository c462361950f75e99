using FluxGrpc.Testing;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>A component's folder as users have it, made of a golden file and its sizes in configs.json.</summary>
internal sealed class TemporaryCheckpoint : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-golden-");

    public TemporaryCheckpoint(string config, string weights)
    {
        File.WriteAllText(System.IO.Path.Combine(Path, "config.json"), GoldenFolder.Config(config).GetRawText());
        File.Copy(GoldenFolder.PathOf(weights), System.IO.Path.Combine(Path, "diffusion_pytorch_model.safetensors"));
    }

    public string Path => _folder.FullName;

    public void Dispose() => _folder.Delete(recursive: true);
}
