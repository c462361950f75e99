using FluxGrpc.Denoiser;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Denoiser;

public sealed class SessionOpeningTests
{
    private static readonly TransformerConfig _config = SmallTransformer.Config;
    private static readonly DenoiserOptions _limits = new() { MaxImageTokens = 6, MaxTextTokens = 5, MaxSteps = 3 };

    private static readonly Dictionary<string, (string Field, Action<OpenSession> Spoil)> _mistakes = new()
    {
        ["no id"] = ("open.session_id", open => open.SessionId = ""),
        ["long id"] = ("open.session_id", open => open.SessionId = new string('a', 129)),
        ["id with a line break"] = ("open.session_id", open => open.SessionId = "a\nb"),
        ["no hidden states"] = ("open.hidden_states", open => open.HiddenStates = null),
        ["integer hidden states"] = ("open.hidden_states", open => open.HiddenStates.DataType = DataType.Int32),
        ["hidden states of unknown type"] = ("open.hidden_states", open => open.HiddenStates.DataType = (DataType)17),
        ["hidden states cut short"] = ("open.hidden_states", open => open.HiddenStates.Data = ByteString.CopyFrom(1, 2, 3)),
        ["hidden states without batch"] = ("open.hidden_states", open => open.HiddenStates = Messages.Zeros(5, 14)),
        ["two prompts"] = ("open.hidden_states", open => open.HiddenStates = Messages.Zeros(2, 5, 14)),
        ["wrong width"] = ("open.hidden_states", open => open.HiddenStates = Messages.Zeros(1, 5, 15)),
        ["too many text tokens"] = ("open.hidden_states", open => open.HiddenStates = Messages.Zeros(1, 6, 14)),
        ["overflowing shape"] = ("open.hidden_states", open => open.HiddenStates.Shape[0] = long.MaxValue),
        ["negative dimension"] = ("open.hidden_states", open => open.HiddenStates.Shape[1] = -5),
        ["NaN hidden states"] = ("open.hidden_states", open => open.HiddenStates = Filled(float.NaN, 1, 5, 14)),
        ["no pooled vector"] = ("open.pooled", open => open.Pooled = null),
        ["wrong pooled width"] = ("open.pooled", open => open.Pooled = Messages.Zeros(1, 9)),
        ["infinite pooled vector"] = ("open.pooled", open => open.Pooled = Filled(float.PositiveInfinity, 1, 10)),
        ["no grid"] = ("open.grid", open => open.Grid = null),
        ["no rows"] = ("open.grid.rows", open => open.Grid.Rows = 0),
        ["negative columns"] = ("open.grid.columns", open => open.Grid.Columns = -3),
        ["large grid"] = ("open.grid", open => open.Grid.Columns = 4),
        ["overflowing grid"] = ("open.grid", open => open.Grid = new LatentGrid { Rows = int.MaxValue, Columns = int.MaxValue }),
        ["no guidance"] = ("open.guidance", open => open.ClearGuidance()),
        ["NaN guidance"] = ("open.guidance", open => open.Guidance = float.NaN),
        ["negative guidance"] = ("open.guidance", open => open.Guidance = -0.1f),
        ["infinite guidance"] = ("open.guidance", open => open.Guidance = float.PositiveInfinity),
        ["guidance whose angle is infinite"] = ("open.guidance", open => open.Guidance = float.MaxValue),
        ["step cache that takes nothing for the same"] = ("open.step_cache_threshold", open => open.StepCacheThreshold = 0),
        ["step cache that takes all for the same"] = ("open.step_cache_threshold", open => open.StepCacheThreshold = 1.5f),
        ["NaN step cache"] = ("open.step_cache_threshold", open => open.StepCacheThreshold = float.NaN),
        ["no sigmas"] = ("open.sigmas", open => open.Sigmas.Clear()),
        ["one sigma"] = ("open.sigmas", open => Sigmas(open, 1)),
        ["too many sigmas"] = ("open.sigmas", open => Sigmas(open, 1, 0.8f, 0.6f, 0.4f, 0.2f)),
        ["sigma above one"] = ("open.sigmas[0]", open => Sigmas(open, 1.5f, 1)),
        ["sigma below zero"] = ("open.sigmas[2]", open => Sigmas(open, 1, 0.5f, -0.1f)),
        ["rising sigmas"] = ("open.sigmas[2]", open => Sigmas(open, 1, 0.5f, 0.6f)),
        ["equal sigmas"] = ("open.sigmas[1]", open => Sigmas(open, 0.5f, 0.5f)),
        ["NaN sigma"] = ("open.sigmas[1]", open => Sigmas(open, 1, float.NaN, 0)),
        ["negative first step"] = ("open.first_step_index", open => open.FirstStepIndex = -1),
        ["first step behind the last"] = ("open.first_step_index", open => open.FirstStepIndex = 3),
        ["unknown priority"] = ("open.priority", open => open.Priority = (Priority)7),
        ["long fingerprint"] = ("open.expected_fingerprint", open => open.ExpectedFingerprint = new string('f', 1000)),
    };

    public static TheoryData<string> Mistakes => [.. _mistakes.Keys];

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_refused_by_its_field(string mistake)
    {
        var (field, spoil) = _mistakes[mistake];
        var request = Messages.Opening(_config);
        spoil(request.Open);

        var exception = Assert.Throws<RpcException>(() => SessionOpening.Parse(request, _config, _limits));

        Assert.Equal(StatusCode.InvalidArgument, exception.StatusCode);
        var violations = exception.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations;
        Assert.Contains(field, violations.Select(violation => violation.Field));
    }

    [Theory]
    [InlineData(Priority.Unspecified, Priority.Interactive)]
    [InlineData(Priority.Interactive, Priority.Interactive)]
    [InlineData(Priority.Batch, Priority.Batch)]
    public void Without_a_priority_a_session_is_interactive(Priority sent, Priority meant)
    {
        var request = Messages.Opening(_config);
        request.Open.Priority = sent;

        Assert.Equal(meant, SessionOpening.Parse(request, _config, _limits).Priority);
    }

    [Fact]
    public void A_valid_opening_becomes_its_values()
    {
        var request = Messages.Opening(_config);
        request.Open.FirstStepIndex = 2;

        var opening = SessionOpening.Parse(request, _config, _limits);

        Assert.Equal((3, 2), (opening.StepCount, opening.FirstStepIndex));
        Assert.Equal((2, 3), (opening.Rows, opening.Columns));
        Assert.Equal((6, 5), (opening.ImageTokens, opening.TextTokens));
        Assert.Equal(3.5f, opening.Guidance);
    }

    [Fact]
    public void Guidance_is_refused_by_a_model_that_takes_none()
    {
        var schnell = _config with { TakesGuidance = false };
        var request = Messages.Opening(schnell);
        Assert.Equal(StatusCode.InvalidArgument,
            Assert.Throws<RpcException>(() => SessionOpening.Parse(request, schnell, _limits)).StatusCode);

        request.Open.ClearGuidance();

        Assert.Null(SessionOpening.Parse(request, schnell, _limits).Guidance);
    }

    [Fact]
    public void Another_first_message_is_refused()
    {
        Assert.Contains("step", Refusal(Messages.Step(_config, 0)), StringComparison.Ordinal);
        Assert.Contains("message", Refusal(new DenoiseRequest()), StringComparison.Ordinal);

        static string Refusal(DenoiseRequest request) =>
            Assert.Throws<RpcException>(() => SessionOpening.Parse(request, _config, _limits)).Status.Detail;
    }

    private static void Sigmas(OpenSession open, params float[] sigmas)
    {
        open.Sigmas.Clear();
        open.Sigmas.Add(sigmas);
    }

    private static Tensor Filled(float value, params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, dimension) => product * dimension)];
        values[^1] = value;
        return TensorMessage.FromFloats(values, shape);
    }
}
