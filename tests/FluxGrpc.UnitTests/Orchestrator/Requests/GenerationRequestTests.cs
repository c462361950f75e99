using FluxGrpc.Orchestrator;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Orchestrator.Requests;

public sealed class GenerationRequestTests
{
    [Fact]
    public void What_is_left_out_has_the_models_defaults()
    {
        var request = Parse(new GenerateRequest { Prompt = "a circle" });

        Assert.Equal(new PatchGrid(8, 8), request.Grid);
        Assert.Equal((28, 3.5f, 1, 512), (request.Steps, request.Guidance, request.Count, request.MaxTokens));
        Assert.Equal(Schedule.Shifted(28, 64), request.Timesteps);
        Assert.Equal(32, request.Id.Length);
        Assert.Null(request.T5Prompt);
        Assert.False(request.IncludeTensors);
    }

    [Fact]
    public void Schnell_has_its_own_defaults()
    {
        var request = Parse(new GenerateRequest { Prompt = "a circle" }, FluxVariant.Schnell);

        Assert.Equal((4, null, 256), (request.Steps, request.Guidance, request.MaxTokens));
        Assert.Equal([1, 0.75f, 0.5f, 0.25f, 0], request.Timesteps);
    }

    [Fact]
    public void What_is_given_is_taken()
    {
        var message = new GenerateRequest
        {
            Prompt = "a circle",
            T5Prompt = "",
            Width = 160,
            Height = 96,
            Steps = 4,
            Guidance = 0,
            Seed = ulong.MaxValue,
            Count = 2,
            MaxTokens = 64,
            RequestId = "my-request",
            IncludeTensors = true,
        };

        var request = Parse(message);
        var settings = request.ToSettings();

        Assert.Equal(("my-request", "", true), (request.Id, request.T5Prompt, request.IncludeTensors));
        Assert.Equal((160, 96, 4, 0f, 2, 64),
            (settings.Width, settings.Height, settings.Steps, settings.Guidance, settings.Count, settings.MaxTokens));
        Assert.Equal(Schedule.Shifted(4, 60), settings.Sigmas);
        Assert.Equal((ulong.MaxValue, ulong.MaxValue, 0UL), (settings.Seed, request.SeedOf(0), request.SeedOf(1)));
    }

    [Fact]
    public void A_seed_that_is_left_out_is_drawn() =>
        Assert.True(Enumerable.Range(0, 10).Select(_ => Parse(new GenerateRequest { Prompt = "x" }).Seed).Distinct().Count() > 1);

    public static TheoryData<string, string, GenerateRequest> BadRequests() => new()
    {
        { "prompt", "is empty; allowed: 1 to 10000 characters", new() },
        { "prompt", "has 10001 characters; allowed: at most 10000", new() { Prompt = new string('x', 10_001) } },
        { "t5_prompt", "has 10001 characters; allowed: at most 10000", new() { Prompt = "x", T5Prompt = new string('x', 10_001) } },
        { "width", "is 0; allowed: multiples of 16 from 64 to 2048; nearest: 64", new() { Prompt = "x", Width = 0 } },
        { "width", "is 17; allowed: multiples of 16 from 64 to 2048; nearest: 64", new() { Prompt = "x", Width = 17 } },
        { "height", "is 500; allowed: multiples of 16 from 64 to 2048; nearest: 496 and 512", new() { Prompt = "x", Height = 500 } },
        { "height", "is 100000; allowed: multiples of 16 from 64 to 2048; nearest: 2048", new() { Prompt = "x", Height = 100_000 } },
        { "width", "is -2147483648; allowed", new() { Prompt = "x", Width = int.MinValue } },
        { "steps", "is 0; allowed: 1 to 200", new() { Prompt = "x", Steps = 0 } },
        { "steps", "is 10000; allowed: 1 to 200", new() { Prompt = "x", Steps = 10_000 } },
        { "guidance", "is NaN; allowed: 0 to 100", new() { Prompt = "x", Guidance = float.NaN } },
        { "guidance", "is -1; allowed: 0 to 100", new() { Prompt = "x", Guidance = -1 } },
        { "guidance", "is Infinity; allowed: 0 to 100", new() { Prompt = "x", Guidance = float.PositiveInfinity } },
        { "count", "is 0; allowed: 1 to 16", new() { Prompt = "x", Count = 0 } },
        { "count", "is 1000; allowed: 1 to 16", new() { Prompt = "x", Count = 1000 } },
        { "max_tokens", "is 1; allowed: 2 to 512", new() { Prompt = "x", MaxTokens = 1 } },
        { "max_tokens", "is 513; allowed: 2 to 512", new() { Prompt = "x", MaxTokens = 513 } },
        { "request_id", "allowed: up to 128 visible ASCII characters", new() { Prompt = "x", RequestId = "two words" } },
        { "request_id", "allowed: up to 128 visible ASCII characters", new() { Prompt = "x", RequestId = new string('x', 129) } },
        { "request_id", "allowed: up to 128 visible ASCII characters", new() { Prompt = "x", RequestId = "line\nbreak" } },
    };

    [Theory]
    [MemberData(nameof(BadRequests))]
    public void A_bad_value_is_named(string field, string description, GenerateRequest message)
    {
        var violation = Assert.Single(Violations(message));

        Assert.Equal(field, violation.Field);
        Assert.Contains(description, violation.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void All_bad_values_are_named_at_once()
    {
        var message = new GenerateRequest
        {
            Width = 1,
            Height = 1,
            Steps = -1,
            Guidance = 101,
            Count = 17,
            MaxTokens = 0,
            RequestId = " ",
        };

        Assert.Equal(["prompt", "width", "height", "steps", "guidance", "count", "max_tokens", "request_id"],
            Violations(message).Select(violation => violation.Field));
    }

    [Fact]
    public void Sides_that_fit_may_still_make_too_many_pixels()
    {
        var options = new OrchestratorOptions { MaxPixels = 1024 * 1024 };

        var violations = Violations(new GenerateRequest { Prompt = "x", Width = 1040, Height = 1024 }, options: options);

        Assert.Equal(["width", "height"], violations.Select(violation => violation.Field));
        Assert.All(violations, violation =>
            Assert.Equal("makes 1064960 pixels (1040×1024); allowed: at most 1048576", violation.Description));
    }

    [Fact]
    public void Guidance_is_refused_where_the_model_takes_none()
    {
        var violation = Assert.Single(Violations(new GenerateRequest { Prompt = "x", Guidance = 3.5f }, FluxVariant.Schnell));

        Assert.Equal("guidance", violation.Field);
        Assert.Equal("is given, but small-flux takes none; allowed: leave it out", violation.Description);
    }

    [Fact]
    public void The_models_limits_hold_where_they_are_narrower()
    {
        var facts = SmallModels.Facts(change: denoiser =>
            (denoiser.MaxImageTokens, denoiser.MaxTextTokens, denoiser.MaxSteps) = (36, 100, 10));
        var limits = RequestLimits.Of(new OrchestratorOptions(), facts);

        Assert.Equal((36 * 256, 100, 10), (limits.MaxPixels, limits.MaxTokens, limits.MaxSteps));
        Assert.Equal(new PatchGrid(6, 6), GenerationDefaults.Of(facts, limits).Grid);
        Assert.Equal(10, GenerationDefaults.Of(facts, limits).Steps);
    }

    private static GenerationRequest Parse(
        GenerateRequest message, FluxVariant variant = FluxVariant.Dev, OrchestratorOptions? options = null)
    {
        var facts = SmallModels.Facts(variant);
        return GenerationRequest.Parse(message, RequestLimits.Of(options ?? new OrchestratorOptions(), facts), facts);
    }

    private static BadRequest.Types.FieldViolation[] Violations(
        GenerateRequest message, FluxVariant variant = FluxVariant.Dev, OrchestratorOptions? options = null)
    {
        var exception = Assert.Throws<RpcException>(() => Parse(message, variant, options));
        Assert.Equal(StatusCode.InvalidArgument, exception.StatusCode);
        return [.. exception.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations];
    }
}
