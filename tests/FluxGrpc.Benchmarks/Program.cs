using FluxGrpc.Testing;
using FluxGrpc.Torch;

if (args is ["--write-embedded", var folder])
{
    NativeLibraries.EnsureLoaded();
    RandomCheckpoint.WriteEmbedded(folder);
    return 0;
}

Console.Error.WriteLine("Usage: --write-embedded FOLDER    Writes the embedded default checkpoint again.");
return 2;
