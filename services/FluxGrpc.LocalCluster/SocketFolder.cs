using System.Text;

namespace FluxGrpc.LocalCluster;

/// <summary>
/// A folder for Unix domain sockets that only this user may enter. It is deleted at the end; where its program was killed, by the
/// next program that makes one.
/// </summary>
public sealed class SocketFolder : IDisposable
{
    /// <summary>The system's limit of a socket's path (sun_path), its closing zero excluded; macOS has the smaller one.</summary>
    private static readonly int _longestSocketPath = OperatingSystem.IsMacOS() ? 103 : 107;

    /// <summary>Longest name of a socket in here.</summary>
    private const int LongestName = 24;

    private readonly FileStream _claim;

    /// <summary>Makes a folder among those of this user.</summary>
    /// <exception cref="IOException">This user's folder for sockets cannot be used.</exception>
    public SocketFolder()
        : this(RuntimeFolder.OfThisUser(), "embedded")
    {
    }

    /// <summary>Makes a folder.</summary>
    /// <param name="parent">Where; what killed programs left there is deleted.</param>
    /// <param name="kind">What its name begins with: "cluster".</param>
    /// <exception cref="IOException">The path is too long for sockets.</exception>
    internal SocketFolder(RuntimeFolder parent, string kind)
    {
        parent.Sweep();
        Name = $"{kind}-{Guid.NewGuid().ToString("N")[..6]}";
        FullName = parent.PathOf(Name);
        if (Encoding.UTF8.GetByteCount(FullName) + 1 + LongestName > _longestSocketPath)
        {
            throw new IOException($"The folder for sockets, '{parent.FullName}', is too deep for Unix domain sockets: "
                + $"their paths have at most {_longestSocketPath} bytes. Set XDG_RUNTIME_DIR to a shorter one.");
        }

        _claim = parent.Claim(Name);
        parent.Create(Name);
    }

    /// <summary>Name of the folder, drawn: "cluster-5f21c9".</summary>
    public string Name { get; }

    /// <summary>Absolute path of the folder.</summary>
    public string FullName { get; }

    /// <summary>Address of a socket in the folder: <c>unix:/run/user/1000/fluxgrpc/cluster-5f21c9/vae.sock</c>.</summary>
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
            Directory.Delete(FullName, recursive: true);
        _claim.Dispose();
    }
}
