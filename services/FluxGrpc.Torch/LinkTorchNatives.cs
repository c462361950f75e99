// Compiled by MSBuild's RoslynCodeTaskFactory against netstandard2.0, not part of the FluxGrpc.Torch assembly.
using System;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

/// <summary>
/// Lays libtorch's libraries as symbolic links beside a copy of libLibTorchSharp.so. The copy's demand for GLIBCXX_3.4.32 is
/// marked weak: the library uses no symbol of that version which older libstdc++ lacks, but the loader of Debian 12 and
/// Ubuntu 22.04 (GLIBCXX_3.4.30) refuses a strong demand.
/// </summary>
public class LinkTorchNatives : Microsoft.Build.Utilities.Task
{
    public string LibTorchSharp { get; set; }
    public string LibTorchDir { get; set; }
    public string OutDir { get; set; }

    [DllImport("libc", SetLastError = true)]
    private static extern int symlink(string target, string path);

    [DllImport("libc", SetLastError = true)]
    private static extern int rename(string from, string to);

    public override bool Execute()
    {
        Directory.CreateDirectory(OutDir);
        if (!string.IsNullOrEmpty(LibTorchDir))
        {
            foreach (var pattern in new[] { "libtorch.so", "libtorch_cpu.so", "libc10.so", "libtorch_global_deps.so", "libgomp*.so*" })
                foreach (var library in Directory.GetFiles(LibTorchDir, pattern))
                    Publish(temporary => symlink(library, temporary), Path.Combine(OutDir, Path.GetFileName(library)));
        }

        var bytes = File.ReadAllBytes(LibTorchSharp);
        MarkWeak(bytes, "GLIBCXX_3.4.32");
        Publish(temporary => { File.WriteAllBytes(temporary, bytes); return 0; }, Path.Combine(OutDir, "libLibTorchSharp.so"));
        return !Log.HasLoggedErrors;
    }

    /// <summary>Makes the file under another name, then renames it: two builds at once see the old or the new one.</summary>
    private void Publish(Func<string, int> make, string path)
    {
        var temporary = Path.Combine(OutDir, "." + Guid.NewGuid().ToString("N"));
        if (make(temporary) != 0 || rename(temporary, path) != 0)
            Log.LogError("Cannot write {0} (errno {1})", path, Marshal.GetLastWin32Error());
    }

    /// <summary>Sets VER_FLG_WEAK on every needed version of that name in an ELF64 little-endian file.</summary>
    private static void MarkWeak(byte[] elf, string version)
    {
        const uint VersionNeeds = 0x6ffffffe; // SHT_GNU_verneed
        var sections = (int)BitConverter.ToInt64(elf, 40);
        int sectionSize = BitConverter.ToUInt16(elf, 58), sectionCount = BitConverter.ToUInt16(elf, 60);
        for (var i = 0; i < sectionCount; i++)
        {
            var section = sections + i * sectionSize;
            if (BitConverter.ToUInt32(elf, section + 4) != VersionNeeds)
                continue;

            var stringSection = sections + (int)BitConverter.ToUInt32(elf, section + 40) * sectionSize;
            var strings = (int)BitConverter.ToInt64(elf, stringSection + 24);
            var need = (int)BitConverter.ToInt64(elf, section + 24);
            while (true)
            {
                var auxiliary = need + (int)BitConverter.ToUInt32(elf, need + 8);
                for (int k = BitConverter.ToUInt16(elf, need + 2); k > 0; k--)
                {
                    var start = strings + (int)BitConverter.ToUInt32(elf, auxiliary + 8);
                    var end = Array.IndexOf(elf, (byte)0, start);
                    if (Encoding.ASCII.GetString(elf, start, end - start) == version)
                        elf[auxiliary + 4] |= 2; // VER_FLG_WEAK
                    auxiliary += (int)BitConverter.ToUInt32(elf, auxiliary + 12);
                }

                var next = (int)BitConverter.ToUInt32(elf, need + 12);
                if (next == 0)
                    break;
                need += next;
            }
        }
    }
}
