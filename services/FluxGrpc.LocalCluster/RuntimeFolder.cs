namespace FluxGrpc.LocalCluster;

/// <summary>
/// Where the programs of this user keep their sockets: a folder for each program, and beside it a lock file that the program holds
/// while it lives. The kernel lets go of the lock however the program ends, by SIGKILL too, so that a folder whose lock is free
/// belongs to nobody. Names are drawn, never used again: a lock that was let go stays free.
/// </summary>
internal sealed class RuntimeFolder
{
    private const string LockSuffix = ".lock";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Makes the folder, mode 0700, where it is not there.</summary>
    /// <exception cref="IOException">It cannot be made, or belongs to somebody else.</exception>
    public RuntimeFolder(string path)
    {
        FullName = Path.GetFullPath(path);
        try
        {
            MakePrivate();
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException(
                $"The folder for sockets, '{FullName}', is not this user's own; XDG_RUNTIME_DIR may name another place", exception);
        }
    }

    /// <summary>Absolute path.</summary>
    public string FullName { get; }

    /// <summary>The folder of the user who runs this process.</summary>
    public static RuntimeFolder OfThisUser() => new(PathFor(Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR")));

    /// <summary>
    /// Below XDG_RUNTIME_DIR where there is one. Else below a folder where nobody else can have put it: for root the system's own,
    /// as anybody may write into the folder for temporary files.
    /// </summary>
    internal static string PathFor(string? userFolder)
    {
        if (Path.IsPathFullyQualified(userFolder ?? "") && Directory.Exists(userFolder))
            return Path.Combine(userFolder, "fluxgrpc");
        return Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows()
            ? "/var/run/fluxgrpc"
            : Path.Combine(Path.GetTempPath(), $"fluxgrpc-{Environment.UserName}");
    }

    /// <summary>Absolute path of the folder of a name.</summary>
    public string PathOf(string name) => Path.Combine(FullName, name);

    /// <summary>Takes a name until the stream is closed or this process ends.</summary>
    /// <exception cref="IOException">A living program has it.</exception>
    public FileStream Claim(string name) => new(PathOf(name) + LockSuffix, new FileStreamOptions
    {
        Mode = FileMode.OpenOrCreate,
        Access = FileAccess.ReadWrite,
        Share = FileShare.None,
        Options = FileOptions.DeleteOnClose,
    });

    /// <summary>Makes the folder of a name, which its program has claimed, mode 0700.</summary>
    public void Create(string name)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(PathOf(name));
        else
            Directory.CreateDirectory(PathOf(name), OwnerOnly);
    }

    /// <summary>Deletes what killed programs left.</summary>
    public void Sweep()
    {
        foreach (var name in Directory.EnumerateFileSystemEntries(FullName).Select(NameOf).Distinct().ToList())
        {
            try
            {
                using var claim = Claim(name);
                Directory.Delete(PathOf(name), recursive: true);
            }
            catch (DirectoryNotFoundException)
            {
                // Only the lock was left.
            }
            catch (IOException)
            {
                // A living program has it, or a service that was left alone is still ending: the next sweep may get it.
            }
        }
    }

    /// <summary>Names of the folders that are there.</summary>
    public IEnumerable<string> Names() => Directory.EnumerateDirectories(FullName).Select(NameOf).Order(StringComparer.Ordinal);

    private void MakePrivate()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(FullName); // The folder for temporary files is the user's own there.
            return;
        }

        if (Directory.CreateDirectory(FullName, OwnerOnly).LinkTarget is { } target)
            throw new UnauthorizedAccessException($"It is a link to '{target}'");
        File.SetUnixFileMode(FullName, OwnerOnly); // Which only its owner may.
    }

    private static string NameOf(string path)
    {
        var name = Path.GetFileName(path);
        return name.EndsWith(LockSuffix, StringComparison.Ordinal) ? name[..^LockSuffix.Length] : name;
    }
}
