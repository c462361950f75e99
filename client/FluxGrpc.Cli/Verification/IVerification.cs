namespace FluxGrpc.Cli.Verification;

/// <summary>Compares one part of a reference folder.</summary>
internal interface IVerification
{
    /// <summary>What is compared: the files' name without its ending.</summary>
    string Name { get; }

    /// <summary>The file that is missing, or whatever else keeps the part from being compared; null where nothing does.</summary>
    string? Obstacle { get; }

    /// <summary>Compares.</summary>
    Task RunAsync(VerificationReport report, CancellationToken cancellation);
}
