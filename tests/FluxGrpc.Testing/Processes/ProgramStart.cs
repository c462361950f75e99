using FluxGrpc.Channels;

namespace FluxGrpc.Testing.Processes;

/// <summary>How one of our programs is started.</summary>
/// <param name="Program">Assembly name: "FluxGrpc.Denoiser".</param>
/// <param name="Arguments">Its command line.</param>
public sealed record ProgramStart(string Program, params IReadOnlyList<string> Arguments)
{
    /// <summary>Environment variables, beside those that are inherited.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Whom channels to it trust, and what they show.</summary>
    public ChannelSecurity Security { get; init; } = ChannelSecurity.Default;

    /// <summary>A command that runs the program and becomes it (the process id is the program's): "ip netns exec NAME".</summary>
    public IReadOnlyList<string> Wrapper { get; init; } = [];
}
