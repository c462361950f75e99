namespace FluxGrpc.Cli.Verification;

/// <summary>A model's folder in the Hugging Face layout, made of links to a reference folder's files; deleted at the end.</summary>
internal sealed class TemporaryCheckpoint : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-verify-");

    /// <summary>The model's folder.</summary>
    public string Folder => _folder.FullName;

    /// <summary>Adds a component's weights and sizes.</summary>
    /// <param name="component">Name of its folder: "transformer".</param>
    /// <param name="config">Text of its <c>config.json</c>.</param>
    /// <param name="weights">Path of its safetensors file.</param>
    public TemporaryCheckpoint AddModel(string component, string config, string weights)
    {
        File.WriteAllText(Path.Combine(_folder.CreateSubdirectory(component).FullName, "config.json"), config);
        return AddLink(component, "model.safetensors", weights);
    }

    /// <summary>Adds a link to a file.</summary>
    /// <param name="component">Name of the folder to add it to.</param>
    /// <param name="name">Name it gets.</param>
    /// <param name="target">The file.</param>
    public TemporaryCheckpoint AddLink(string component, string name, string target)
    {
        File.CreateSymbolicLink(Path.Combine(_folder.CreateSubdirectory(component).FullName, name), Path.GetFullPath(target));
        return this;
    }

    public void Dispose() => _folder.Delete(recursive: true); // The links go, what they point at stays.
}
