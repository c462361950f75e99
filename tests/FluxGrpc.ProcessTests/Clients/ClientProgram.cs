using System.ComponentModel;
using System.Diagnostics;
using FluxGrpc.Testing;

namespace FluxGrpc.ProcessTests.Clients;

/// <summary>A client in another language: how its examples are run on this machine.</summary>
internal sealed class ClientProgram
{
    private readonly string _interpreter;
    private readonly string _folder;
    private readonly string _ownSampler;

    private ClientProgram(string interpreter, string folder, string ownSampler, string? missing)
    {
        _interpreter = interpreter;
        _folder = folder;
        _ownSampler = ownSampler;
        Missing = missing;
    }

    /// <summary>client/python, with the first interpreter that has what it needs: Debian's packages are in Debian's own.</summary>
    public static ClientProgram Python { get; } = FindPython();

    /// <summary>client/node.</summary>
    public static ClientProgram Node { get; } = FindNode();

    /// <summary>What this machine lacks for it; null where it can be run.</summary>
    public string? Missing { get; }

    /// <summary>The example that orders pictures.</summary>
    public ProcessStartInfo Generate(params string[] arguments) => Example("generate", arguments);

    /// <summary>The example that runs the denoiser by itself.</summary>
    public ProcessStartInfo OwnSampler(params string[] arguments) => Example(_ownSampler, arguments);

    private ProcessStartInfo Example(string name, string[] arguments)
    {
        var extension = this == Python ? ".py" : ".js";
        var start = new ProcessStartInfo(_interpreter, [Path.Combine(_folder, "examples", name + extension), .. arguments]);
        start.Environment["PYTHONPATH"] = Path.Combine(_folder, "src");
        start.Environment["PYTHONUNBUFFERED"] = "1";
        return start;
    }

    private static ClientProgram FindPython()
    {
        string[] candidates = ["python3", "/usr/bin/python3"];
        var found = candidates.FirstOrDefault(python => Succeeds(python, "-c", "import grpc, google.protobuf, numpy"));
        return new ClientProgram(found ?? "python3", Repository.PathOf("client", "python"), "own_sampler", found is null
            ? "Python is without grpcio, protobuf or numpy: apt-get install python3-grpcio python3-protobuf python3-numpy"
            : null);
    }

    private static ClientProgram FindNode()
    {
        var folder = Repository.PathOf("client", "node");
        var found = Directory.Exists(Path.Combine(folder, "node_modules", "@grpc", "grpc-js")) && Succeeds("node", "--version");
        return new ClientProgram("node", folder, "own-sampler", found ? null : "No Node, or no packages: npm ci --prefix client/node");
    }

    private static bool Succeeds(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false; // There is no such program.
        }
    }
}
