using System.Text;

namespace FluxGrpc.LocalCluster;

/// <summary>A folder for Unix domain sockets that only this user may enter; it is deleted at the end.</summary>
public sealed class SocketFolder : IDisposable
{
    /// <summary>The system's limit of a socket's path (sun_path), its closing zero excluded; macOS has the smaller one.</summary>
    private static readonly int _longestSocketPath = OperatingSystem.IsMacOS() ? 103 : 107;

    /// <summary>Longest name of a socket in here.</summary>
    private const int LongestName = 24;

    private readonly DirectoryInfo _folder;

    /// <summary>Makes the folder, mode 0700, in the system's folder for temporary files.</summary>
    public SocketFolder()
    {
        var folder = Directory.CreateTempSubdirectory("flux-");
        if (Encoding.UTF8.GetByteCount(folder.FullName) + 1 + LongestName > _longestSocketPath)
        {
            folder.Delete();
            throw new IOException($"The folder for temporary files, '{Path.GetTempPath()}', is too deep for Unix domain sockets: "
                + $"their paths have at most {_longestSocketPath} bytes. Set TMPDIR to a shorter one.");
        }

        _folder = folder;
    }

    /// <summary>Absolute path of the folder.</summary>
    public string FullName => _folder.FullName;

    /// <summary>Address of a socket in the folder: <c>unix:/tmp/flux-Ab12cD/vae.sock</c>.</summary>
    /// <param name="name">The socket's name, at most 19 letters: "vae".</param>
    public string AddressOf(string name)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length + ".sock".Length, LongestName, nameof(name));
        return $"unix:{Path.Combine(FullName, name)}.sock";
    }

    /// <summary>Deletes the folder with everything in it.</summary>
    public void Dispose()
    {
        if (Directory.Exists(FullName))
            _folder.Delete(recursive: true);
    }
}
