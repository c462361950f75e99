namespace FluxGrpc.Testing;

/// <summary>The checkout that the tests run in.</summary>
public static class Repository
{
    /// <summary>Folder of FluxGrpc.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder of the repository.</summary>
    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "FluxGrpc.sln")))
                return folder.FullName;
        }

        throw new DirectoryNotFoundException($"No FluxGrpc.sln above {AppContext.BaseDirectory}");
    }
}
