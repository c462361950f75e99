using FluxGrpc.V1;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.BadInput;

[Collection(RealServicesTests.Name)]
public sealed class GenerateBadInputTests(RealServicesFixture fixture)
{
    public static TheoryData<string, GenerateRequest, string> Requests => new()
    {
        { "prompt", new() { Prompt = "" }, "1 to" },
        { "prompt", new() { Prompt = new string('x', 10_001) }, "10001" },
        { "width", new() { Prompt = "x", Width = 0 }, "multiples of 16" },
        { "width", new() { Prompt = "x", Width = 17 }, "multiples of 16" },
        { "height", new() { Prompt = "x", Height = 100_000 }, "100000" },
        { "steps", new() { Prompt = "x", Steps = 0 }, "1 to" },
        { "steps", new() { Prompt = "x", Steps = 10_000 }, "10000" },
        { "guidance", new() { Prompt = "x", Guidance = float.NaN }, "NaN" },
        { "guidance", new() { Prompt = "x", Guidance = -1 }, "0 to" },
        { "count", new() { Prompt = "x", Count = 0 }, "1 to" },
        { "count", new() { Prompt = "x", Count = 1000 }, "1000" },
        { "max_tokens", new() { Prompt = "x", MaxTokens = 100_000 }, "100000" },
        { "request_id", new() { Prompt = "x", RequestId = "line\nbreak" }, "ASCII" },
        { "sampler", new() { Prompt = "x", Sampler = (Sampler)99 }, "99" },
        { "format", new() { Prompt = "x", Format = (ImageFormat)99 }, "IMAGE_FORMAT_WEBP" },
        { "sigmas", new() { Prompt = "x", Sigmas = { 1 } }, "2 to" },
        { "sigmas[1]", new() { Prompt = "x", Sigmas = { 1, 1, 0 } }, "falling" },
        { "sigmas[2]", new() { Prompt = "x", Sigmas = { 1, 0.5f, 0.25f } }, "to 0" },
        { "sigmas[0]", new() { Prompt = "x", Sigmas = { float.NaN, 0 } }, "NaN" },
        { "steps", new() { Prompt = "x", Steps = 3, Sigmas = { 1, 0.5f, 0 } }, "allowed: 2" },
        { "true_cfg_scale", new() { Prompt = "x", TrueCfgScale = 2 }, "negative_prompt" },
        { "true_cfg_scale", new() { Prompt = "x", NegativePrompt = "y", TrueCfgScale = 0.5f }, "1 to 100" },
        { "step_cache_threshold", new() { Prompt = "x", StepCacheThreshold = 0 }, "above 0 to 1" },
        { "step_cache_threshold", new() { Prompt = "x", StepCacheThreshold = float.NaN }, "NaN" },
        { "negative_prompt", new() { Prompt = "x", NegativePrompt = new string('y', 10_001) }, "10001" },
        { "strength", new() { Prompt = "x", Strength = 0.5f }, "init_image" },
        { "init_image", new() { Prompt = "x", InitImage = ByteString.CopyFromUtf8("<svg/>") }, "PNG, JPEG or WebP" },
        { "init_image", new() { Prompt = "x", InitImage = ByteString.CopyFrom(0xFF, 0xD8, 0xFF, 0xE0) }, "broken" },
        { "include_tensors", new() { Prompt = "x", IncludeTensors = true, Sampler = Sampler.Heun }, "SAMPLER_HEUN" },
    };

    [Theory]
    [MemberData(nameof(Requests))]
    public async Task A_bad_value_is_refused_by_field_value_and_what_is_allowed(string field, GenerateRequest request, string text)
    {
        using var call = fixture.Orchestrator.Generate(request);

        var exception = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));

        Assert.Equal(StatusCode.InvalidArgument, exception.StatusCode);
        var violation = Assert.Single(exception.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations);
        Assert.Equal(field, violation.Field);
        Assert.Contains(text, violation.Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_bad_values_are_told_at_once()
    {
        using var call = fixture.Orchestrator.Generate(new GenerateRequest { Prompt = "", Steps = 0, Count = -3 });

        var exception = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));

        var fields = exception.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations.Select(violation => violation.Field);
        Assert.Equal(["count", "prompt", "steps"], fields.Order());
    }
}
