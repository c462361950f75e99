namespace FluxGrpc.ChaosTests.Cables;

/// <summary>The way between a host and the rest of the world, which can be cut: nothing arrives any more, nothing is closed.</summary>
internal interface ICable : IAsyncDisposable
{
    /// <summary>What stands for the cable, for people.</summary>
    string Description { get; }

    /// <summary>Where a program at the far end is to listen.</summary>
    string ListenAddress { get; }

    /// <summary>What runs a program at the far end; see <see cref="Testing.Processes.ProgramStart.Wrapper"/>.</summary>
    IReadOnlyList<string> Wrapper { get; }

    /// <summary>Where callers at this end find a program that listens at the far end.</summary>
    /// <param name="listening">Where it listens: <see cref="ListenAddress"/> with its port.</param>
    string AddressForCallers(string listening);

    /// <summary>Pulls the plug.</summary>
    void Pull();

    /// <summary>Puts it in again.</summary>
    void PlugIn();
}
