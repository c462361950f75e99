namespace FluxGrpc.Cli;

/// <summary>Writes files that only their owner may read.</summary>
internal static class PrivateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Replaces a file as a whole, mode 0600: who reads it meanwhile sees the old text or the new one.</summary>
    /// <param name="path">The file, there or not.</param>
    /// <param name="text">What it shall say.</param>
    public static void Replace(string path, string text)
    {
        var draft = $"{path}.{Guid.NewGuid():N}";
        var create = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
            create.UnixCreateMode = OwnerOnly; // From the first byte on.
        try
        {
            using (var writer = new StreamWriter(draft, create))
                writer.Write(text);
            File.Move(draft, path, overwrite: true);
        }
        catch
        {
            File.Delete(draft);
            throw;
        }
    }
}
