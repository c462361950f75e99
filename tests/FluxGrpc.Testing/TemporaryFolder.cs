namespace FluxGrpc.Testing;

/// <summary>A folder that is deleted, with what is in it, at the end of a test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-test-");

    /// <summary>The folder.</summary>
    public string Path => _folder.FullName;

    /// <summary>Path of a file in it; folders on the way are made.</summary>
    public string PathOf(params ReadOnlySpan<string> parts)
    {
        var path = System.IO.Path.Combine([Path, .. parts]);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Delete(recursive: true);
}
