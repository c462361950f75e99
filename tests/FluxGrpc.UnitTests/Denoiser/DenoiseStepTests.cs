using FluxGrpc.Denoiser;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;
using DenoiseStep = FluxGrpc.Denoiser.Sessions.DenoiseStep;

namespace FluxGrpc.UnitTests.Denoiser;

public sealed class DenoiseStepTests
{
    private static readonly TransformerConfig _config = SmallTransformer.Config;

    [Theory]
    [InlineData(null, 0, true)]
    [InlineData(null, 1, false)]
    [InlineData(null, -1, false)]
    [InlineData(0, 0, true)]
    [InlineData(0, 1, true)]
    [InlineData(0, 2, false)]
    [InlineData(1, 0, false)]
    [InlineData(2, 2, true)]
    [InlineData(2, 3, false)]
    [InlineData(2, int.MaxValue, false)]
    public void The_index_stays_or_goes_on_by_one_up_to_the_last(int? lastIndex, int index, bool isAllowed) =>
        AssertIndex(firstStepIndex: 0, lastIndex, index, isAllowed);

    [Theory]
    [InlineData(null, 1, true)]
    [InlineData(null, 0, false)]
    [InlineData(null, 2, false)]
    [InlineData(1, 2, true)]
    public void A_session_taken_over_begins_where_it_says(int? lastIndex, int index, bool isAllowed) =>
        AssertIndex(firstStepIndex: 1, lastIndex, index, isAllowed);

    [Theory]
    [InlineData(-0.01f)]
    [InlineData(1.01f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void A_timestep_outside_its_range_is_refused(float timestep) =>
        Assert.Equal("step.timestep", Refusal(step => step.Timestep = timestep));

    [Fact]
    public void Latents_of_another_shape_or_type_or_not_finite_are_refused()
    {
        Assert.Equal("step.latents", Refusal(step => step.Latents = null));
        Assert.Equal("step.latents", Refusal(step => step.Latents = Messages.Zeros(1, 6, 9)));
        Assert.Equal("step.latents", Refusal(step => step.Latents = Messages.Zeros(1, 7, 8)));
        Assert.Equal("step.latents", Refusal(step => step.Latents = Messages.Zeros(6, 8)));
        Assert.Equal("step.latents", Refusal(step => step.Latents.DataType = DataType.Float16));
        Assert.Equal("step.latents", Refusal(step =>
            step.Latents = FluxGrpc.Tensors.TensorMessage.FromFloats([.. Enumerable.Repeat(float.NaN, 48)], 1, 6, 8)));
    }

    [Fact]
    public void Another_message_is_refused()
    {
        var opening = SessionOpening.Parse(Messages.Opening(_config), _config, new DenoiserOptions());

        var second = Assert.Throws<RpcException>(() => DenoiseStep.Parse(Messages.Opening(_config), opening, _config, null));
        var empty = Assert.Throws<RpcException>(() => DenoiseStep.Parse(new DenoiseRequest(), opening, _config, null));

        Assert.Equal(["open", "message"], new[] { second, empty }.Select(Field));
    }

    private static void AssertIndex(int firstStepIndex, int? lastIndex, int index, bool isAllowed)
    {
        var request = Messages.Opening(_config);
        request.Open.FirstStepIndex = firstStepIndex;
        var opening = SessionOpening.Parse(request, _config, new DenoiserOptions());

        var exception = Record.Exception(() => DenoiseStep.Parse(Messages.Step(_config, index), opening, _config, lastIndex));

        if (isAllowed)
            Assert.Null(exception);
        else
            Assert.Equal("step.index", Field(Assert.IsType<RpcException>(exception)));
    }

    private static string Refusal(Action<FluxGrpc.V1.DenoiseStep> spoil)
    {
        var opening = SessionOpening.Parse(Messages.Opening(_config), _config, new DenoiserOptions());
        var request = Messages.Step(_config, 0);
        spoil(request.Step);
        return Field(Assert.Throws<RpcException>(() => DenoiseStep.Parse(request, opening, _config, null)));
    }

    private static string Field(RpcException exception) =>
        Assert.Single(exception.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations).Field;
}
