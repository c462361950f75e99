using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FluxGrpc.Hosting;

namespace FluxGrpc.Denoiser;

/// <summary>What the denoiser can be told.</summary>
public sealed class DenoiserOptions : ModelServiceOptions
{
    /// <summary>The options' defaults.</summary>
    public DenoiserOptions() => Address = "http://127.0.0.1:5002";

    /// <summary>Name of this replica in replies.</summary>
    [RegularExpression("[!-~]{1,128}", ErrorMessage = "ReplicaId must be 1 to 128 visible ASCII characters")]
    [Description("Name of this replica in replies. Unset: the host's name and a random suffix.")]
    public string ReplicaId { get; set; } = "";

    /// <summary>Largest number of open sessions.</summary>
    [Range(1, 100_000)]
    [Description("Largest number of open sessions (images in progress).")]
    public int MaxSessions { get; set; } = 64;

    /// <summary>Largest number of image tokens of a session.</summary>
    [Range(1, 1 << 20)]
    [Description("Largest number of image tokens (height/16 times width/16); 16384 is 2048x2048 pixels.")]
    public int MaxImageTokens { get; set; } = 16_384;

    /// <summary>Largest number of text tokens of a session.</summary>
    [Range(1, 1 << 16)]
    [Description("Largest number of text tokens.")]
    public int MaxTextTokens { get; set; } = 512;

    /// <summary>Largest number of steps of a session.</summary>
    [Range(1, 100_000)]
    [Description("Largest number of steps of a session.")]
    public int MaxSteps { get; set; } = 200;

    /// <summary>Seconds that a session may wait for its caller.</summary>
    [Range(1, 86_400)]
    [Description("Seconds without a message of the caller's after which a session ends.")]
    public int IdleSeconds { get; set; } = 120;
}
