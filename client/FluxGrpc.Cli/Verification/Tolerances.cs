namespace FluxGrpc.Cli.Verification;

/// <summary>
/// Largest absolute differences from the reference that still are agreement. For float32 those that come with the reference
/// numbers. For bfloat16, in which every layer rounds to one part in 256, about four times what the services reach on a CPU with the
/// folder tests/golden: enough to tell gross mistakes from rounding.
/// </summary>
internal sealed record Tolerances
{
    /// <summary>Velocity of a transformer with guidance.</summary>
    public required float GuidedVelocity { get; init; }

    /// <summary>Velocity of a transformer without guidance.</summary>
    public required float Velocity { get; init; }

    /// <summary>Pixels in [−1, 1] from the decoder.</summary>
    public required float DecodedPixels { get; init; }

    /// <summary>Mean and log-variance from the encoder.</summary>
    public required float Moments { get; init; }

    /// <summary>Latents from the encoder.</summary>
    public required float EncodedLatents { get; init; }

    /// <summary>T5's last hidden states.</summary>
    public required float HiddenStates { get; init; }

    /// <summary>CLIP's pooled vector.</summary>
    public required float Pooled { get; init; }

    /// <summary>Velocity of each step on the way of an image.</summary>
    public required float TrajectoryVelocity { get; init; }

    /// <summary>Latents on the way of an image and at its end.</summary>
    public required float TrajectoryLatents { get; init; }

    /// <summary>Pixels in [−1, 1] at the end of the way.</summary>
    public required float TrajectoryPixels { get; init; }

    /// <summary>Pixels as levels 0 to 255.</summary>
    public required float Levels { get; init; }

    /// <summary>Timesteps: computed in double precision whatever the services compute in.</summary>
    public float Timesteps { get; } = 2e-7f;

    /// <summary>Noise of 16 elements or more: float32 whatever the services compute in.</summary>
    public float Noise { get; } = 4e-6f;

    /// <summary>Noise of fewer elements, which the generator draws in another way.</summary>
    public float FewNoise { get; } = 2e-7f;

    /// <summary>For services that compute in float32.</summary>
    public static Tolerances Float32 { get; } = new()
    {
        GuidedVelocity = 2e-4f,
        Velocity = 1e-4f,
        DecodedPixels = 2e-5f,
        Moments = 4e-5f,
        EncodedLatents = 2e-5f,
        HiddenStates = 5e-5f,
        Pooled = 2e-5f,
        TrajectoryVelocity = 4e-4f,
        TrajectoryLatents = 3e-4f,
        TrajectoryPixels = 1e-4f,
        Levels = 1,
    };

    /// <summary>For services that compute in bfloat16.</summary>
    public static Tolerances Bfloat16 { get; } = new()
    {
        GuidedVelocity = 0.15f,
        Velocity = 0.15f,
        DecodedPixels = 0.05f,
        Moments = 0.1f,
        EncodedLatents = 0.05f,
        HiddenStates = 0.15f,
        Pooled = 0.1f,
        TrajectoryVelocity = 0.15f,
        TrajectoryLatents = 0.1f,
        TrajectoryPixels = 0.08f,
        Levels = 10,
    };
}
