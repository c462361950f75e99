using FluxGrpc.V1;
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
