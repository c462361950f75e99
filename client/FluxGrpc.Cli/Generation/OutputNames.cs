using System.Globalization;

namespace FluxGrpc.Cli.Generation;

/// <summary>Names of the files that a run writes.</summary>
internal static class OutputNames
{
    /// <summary>out.png for a single image; out-1.png, out-2.png, ... for several.</summary>
    /// <param name="path">What the user asked for.</param>
    /// <param name="index">The image, from 0.</param>
    /// <param name="count">Images in all.</param>
    public static string For(string path, int index, int count)
    {
        if (count == 1)
            return path;

        var name = string.Create(
            CultureInfo.InvariantCulture, $"{Path.GetFileNameWithoutExtension(path)}-{index + 1}{Path.GetExtension(path)}");
        return Path.Combine(Path.GetDirectoryName(path) ?? "", name);
    }

    /// <summary>Refuses a file that could not be written at the end, before the work begins.</summary>
    /// <exception cref="CliException">Its folder is not there, or it is a folder itself.</exception>
    public static void Check(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        if (!Directory.Exists(folder))
            throw new CliException($"the folder of '{path}' does not exist");
        if (Directory.Exists(path))
            throw new CliException($"'{path}' is a folder, not a file");
    }
}
