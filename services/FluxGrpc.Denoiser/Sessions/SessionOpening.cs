using FluxGrpc.Denoiser.Model;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf.Collections;

namespace FluxGrpc.Denoiser.Sessions;

/// <summary>A session's opening that fits the model and the limits: it can only be made by <see cref="Parse"/>.</summary>
internal sealed record SessionOpening
{
    private const int MaxIdLength = 128;
    private const string AllowedPriorities = "PRIORITY_INTERACTIVE, PRIORITY_BATCH, or none";

    private SessionOpening()
    {
    }

    /// <summary>The caller's name for the session.</summary>
    public required string SessionId { get; init; }

    /// <summary>T5 hidden states [1, L, C], FLOAT32 or BFLOAT16, finite.</summary>
    public required V1.Tensor HiddenStates { get; init; }

    /// <summary>CLIP pooled vector [1, P], FLOAT32 or BFLOAT16, finite.</summary>
    public required V1.Tensor Pooled { get; init; }

    /// <summary>Rows of the patch grid.</summary>
    public required int Rows { get; init; }

    /// <summary>Columns of the patch grid.</summary>
    public required int Columns { get; init; }

    /// <summary>Guidance strength, or null where the model takes none.</summary>
    public required float? Guidance { get; init; }

    /// <summary>Steps of the whole schedule, those before the session's first one too.</summary>
    public required int StepCount { get; init; }

    /// <summary>Index of the first step to come.</summary>
    public required int FirstStepIndex { get; init; }

    /// <summary>The fingerprint that the caller needs; empty accepts any.</summary>
    public required string ExpectedFingerprint { get; init; }

    /// <summary>Interactive or batch.</summary>
    public required Priority Priority { get; init; }

    /// <summary>Threshold of the first-block cache; null where every step is computed.</summary>
    public required float? StepCacheThreshold { get; init; }

    /// <summary>Steps of the session.</summary>
    public int RemainingSteps => StepCount - FirstStepIndex;

    /// <summary>Image and text tokens of a step.</summary>
    public long Tokens => ImageTokens + TextTokens;

    /// <summary>Text tokens L.</summary>
    public long TextTokens => HiddenStates.Shape[1];

    /// <summary>Image tokens N.</summary>
    public long ImageTokens => (long)Rows * Columns;

    /// <summary>Reads a session's first message.</summary>
    /// <param name="request">The message.</param>
    /// <param name="config">Sizes of the model.</param>
    /// <param name="limits">Limits of this replica.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT: the message is no valid opening.</exception>
    public static SessionOpening Parse(DenoiseRequest request, TransformerConfig config, DenoiserOptions limits)
    {
        switch (request.MessageCase)
        {
            case DenoiseRequest.MessageOneofCase.None:
                throw Violations.Of("message", "is missing; the first message must be open");
            case DenoiseRequest.MessageOneofCase.Step:
                throw Violations.Of("step", "came before the opening; the first message must be open");
        }

        var open = request.Open;
        var violations = new Violations();
        CheckId(open.SessionId, violations);
        CheckHiddenStates(open.HiddenStates, config, limits, violations);
        CheckPooled(open.Pooled, config, violations);
        CheckGrid(open.Grid, limits, violations);
        CheckGuidance(open, config, violations);
        CheckSchedule(open, limits, violations);
        CheckStepCache(open, violations);
        if (open.ExpectedFingerprint.Length > MaxIdLength)
        {
            violations.Add("open.expected_fingerprint",
                $"has {open.ExpectedFingerprint.Length} characters; allowed: at most {MaxIdLength}");
        }

        if (!Enum.IsDefined(open.Priority))
            violations.Add("open.priority", $"is {(int)open.Priority}; allowed: {AllowedPriorities}");
        violations.ThrowIfAny();

        return new SessionOpening
        {
            SessionId = open.SessionId,
            HiddenStates = open.HiddenStates,
            Pooled = open.Pooled,
            Rows = open.Grid.Rows,
            Columns = open.Grid.Columns,
            Guidance = open.HasGuidance ? open.Guidance : null,
            StepCount = open.Sigmas.Count - 1,
            FirstStepIndex = open.FirstStepIndex,
            ExpectedFingerprint = open.ExpectedFingerprint,
            Priority = open.Priority == Priority.Unspecified ? Priority.Interactive : open.Priority,
            StepCacheThreshold = open.HasStepCacheThreshold ? open.StepCacheThreshold : null,
        };
    }

    private static void CheckId(string id, Violations violations)
    {
        if (id.Length is 0 or > MaxIdLength || id.Any(letter => letter is < '!' or > '~'))
        {
            violations.Add("open.session_id",
                $"has {id.Length} characters; allowed: 1 to {MaxIdLength} visible ASCII characters");
        }
    }

    private static void CheckHiddenStates(
        V1.Tensor? hiddenStates, TransformerConfig config, DenoiserOptions limits, Violations violations)
    {
        if (TensorMessage.ProblemOfFinite(hiddenStates) is { } problem)
        {
            violations.Add("open.hidden_states", problem);
            return;
        }

        var shape = hiddenStates!.Shape;
        if (shape.Count != 3 || shape[0] != 1 || shape[1] > limits.MaxTextTokens || shape[2] != config.ContextSize)
        {
            violations.Add("open.hidden_states", $"has shape {Shape.Format(shape)}; allowed: [1, L, {config.ContextSize}], "
                + $"L from 1 to {limits.MaxTextTokens}");
        }
    }

    private static void CheckPooled(V1.Tensor? pooled, TransformerConfig config, Violations violations)
    {
        if (TensorMessage.ProblemOfFinite(pooled) is { } problem)
            violations.Add("open.pooled", problem);
        else if (!Shape.Is(pooled!, 1, config.PooledSize))
            violations.Add("open.pooled", $"has shape {Shape.Format(pooled!.Shape)}; allowed: [1, {config.PooledSize}]");
    }

    private static void CheckGrid(LatentGrid? grid, DenoiserOptions limits, Violations violations)
    {
        if (grid is null)
        {
            violations.Add("open.grid", "is missing; required");
            return;
        }

        violations.CheckRange("open.grid.rows", grid.Rows, 1, limits.MaxImageTokens);
        violations.CheckRange("open.grid.columns", grid.Columns, 1, limits.MaxImageTokens);
        var tokens = (long)grid.Rows * grid.Columns;
        if (tokens > limits.MaxImageTokens)
            violations.Add("open.grid", $"has {tokens} image tokens; allowed: at most {limits.MaxImageTokens}");
    }

    private static void CheckGuidance(OpenSession open, TransformerConfig config, Violations violations)
    {
        if (!config.TakesGuidance)
        {
            if (open.HasGuidance)
                violations.Add("open.guidance", "is set; this model takes no guidance");
        }
        else if (!open.HasGuidance)
        {
            violations.Add("open.guidance", "is missing; required by this model");
        }
        else if (!(open.Guidance >= 0 && float.IsFinite(open.Guidance * TimestepEmbedding.TimeFactor)))
        {
            violations.Add("open.guidance", FormattableString.Invariant(
                $"is {open.Guidance}; allowed: 0 or more, finite (times {TimestepEmbedding.TimeFactor} too)"));
        }
    }

    private static void CheckStepCache(OpenSession open, Violations violations)
    {
        if (open.HasStepCacheThreshold && !(open.StepCacheThreshold > 0 && open.StepCacheThreshold <= 1))
        {
            violations.Add("open.step_cache_threshold", FormattableString.Invariant(
                $"is {open.StepCacheThreshold}; allowed: above 0 to 1, or left out"));
        }
    }

    private static void CheckSchedule(OpenSession open, DenoiserOptions limits, Violations violations)
    {
        var sigmas = open.Sigmas;
        var steps = sigmas.Count - 1;
        if (steps < 1 || steps > limits.MaxSteps)
        {
            violations.Add("open.sigmas", $"has {sigmas.Count} values; allowed: 2 to {limits.MaxSteps + 1}");
            return;
        }

        var bad = Enumerable.Range(0, sigmas.Count).FirstOrDefault(i => !IsBelow(sigmas, i), -1);
        if (bad >= 0)
        {
            violations.Add($"open.sigmas[{bad}]", FormattableString.Invariant(
                $"is {sigmas[bad]}; allowed: values falling from at most 1 to at least 0"));
        }

        violations.CheckRange("open.first_step_index", open.FirstStepIndex, 0, steps - 1);
    }

    // False for NaN, too.
    private static bool IsBelow(RepeatedField<float> sigmas, int index) =>
        sigmas[index] >= 0 && (index == 0 ? sigmas[index] <= 1 : sigmas[index] < sigmas[index - 1]);
}
