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

    /// <summary>What linear layers hold their weights in.</summary>
    [Required]
    [AllowedValues("stored", "compute", "float8", "int8", ErrorMessage = "WeightDtype must be stored, compute, float8 or int8")]
    [Description("What linear layers hold their weights in: stored (as in the checkpoint where that is narrower than what is computed in; "
        + "widened for each product, which gives the same pictures), compute (the type that is computed in), float8 or int8 (large layers, "
        + "of more than half a million weights, are rounded to it as they are loaded, and computed in it with rounded inputs: less exact; "
        + "float8 is for CUDA cards of compute capability 8.9 or more, int8 for CPUs).")]
    public string WeightDtype { get; set; } = "stored";

    /// <summary>Largest number of sessions, open and waiting.</summary>
    [Range(1, 100_000)]
    [Description("Largest number of sessions (images in progress or waiting); more are refused.")]
    public int MaxSessions { get; set; } = 64;

    /// <summary>Largest number of sessions of one machine that calls; 0 for as many as <see cref="MaxSessions"/>.</summary>
    [Range(0, 100_000)]
    [Description("Largest number of sessions of one calling IP address; more are refused. 0: only --max-sessions counts.")]
    public int MaxSessionsPerPeer { get; set; }

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

    /// <summary>Largest number of sessions whose steps run in one forward pass.</summary>
    [Range(1, 1024)]
    [Description("Largest number of sessions whose steps run in one forward pass; 1 turns batching off.")]
    public int MaxBatchSize { get; set; } = 8;

    /// <summary>Largest number of tokens in a forward pass of several steps, which bounds its memory.</summary>
    [Range(1, 1 << 28)]
    [Description("Largest number of tokens (image and text) in a forward pass of several sessions, which bounds its memory.")]
    public int MaxBatchTokens { get; set; } = 18_432;

    /// <summary>Milliseconds that a free device waits for steps that are expected.</summary>
    [Range(0, 1000)]
    [Description("Milliseconds that a free device waits for the steps of callers who were answered just now, to run them in the "
        + "same pass, or interactive ones before batch ones. A lone session never waits.")]
    public int BatchWaitMilliseconds { get; set; } = 5;

    /// <summary>Makes the bytes of a session independent of the others that run beside it.</summary>
    [Description("A session's bytes do not depend on the sessions beside it. Each step has a forward pass of its own then, but for small "
        + "models in float32 on a CPU with AVX2, whose bytes are the same in any pass.")]
    public bool BatchInvariant { get; set; }

    /// <summary>Most work of the open sessions.</summary>
    [Range(1, long.MaxValue)]
    [Description("Most work of the open sessions, in steps times tokens; others wait, a larger one until it is alone. "
        + "1024x1024 with 28 steps is 129024. Interactive sessions do not wait for batch ones.")]
    public long MaxWork { get; set; } = 10_000_000;

    /// <summary>Most work of the waiting sessions.</summary>
    [Range(0, long.MaxValue)]
    [Description("Most work of the sessions that wait, in steps times tokens; others are refused.")]
    public long MaxQueuedWork { get; set; } = 40_000_000;
}
