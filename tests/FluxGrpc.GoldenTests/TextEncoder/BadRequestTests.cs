using FluxGrpc.Testing;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;
using Tensor = TorchSharp.torch.Tensor;

namespace FluxGrpc.GoldenTests.TextEncoder;

/// <summary>What the service refuses, and that refused, cancelled and answered calls leave nothing behind.</summary>
public sealed class BadRequestTests : IAsyncLifetime, IDisposable
{
    private static readonly TokenizedPrompt _good = new() { T5TokenIds = { 5, 1 }, ClipTokenIds = { 510, 7, 511 } };

    private static readonly Dictionary<string, (string Field, TextEncoderServiceEncodeRequest Request)> _refused = new()
    {
        ["neither text nor ids"] = ("prompt", new()),
        ["prompt too long"] = ("prompt", new() { Prompt = new string('x', 10_001) }),
        ["T5's prompt too long"] = ("t5_prompt", new() { Prompt = "", T5Prompt = new string('x', 10_001) }),
        ["one token"] = ("max_tokens", new() { Prompt = "", MaxTokens = 1 }),
        ["negative length"] = ("max_tokens", new() { Prompt = "", MaxTokens = -5 }),
        ["length over the limit"] = ("max_tokens", new() { Prompt = "", MaxTokens = 513 }),
        ["reply in float16"] = ("reply_data_type", new() { Prompt = "", ReplyDataType = DataType.Float16 }),
        ["reply in int64"] = ("reply_data_type", new() { TokenizedPrompt = _good, ReplyDataType = DataType.Int64 }),
        ["reply in an unknown type"] = ("reply_data_type", new() { TokenizedPrompt = _good, ReplyDataType = (DataType)99 }),
        ["no T5 ids"] = ("tokenized_prompt.t5_token_ids", Ids([], [510, 511])),
        ["too many T5 ids"] = ("tokenized_prompt.t5_token_ids", Ids(Enumerable.Repeat(0, 513), [510, 511])),
        ["T5 id beyond the vocabulary"] = ("tokenized_prompt.t5_token_ids[1]", Ids([5, 256], [510, 511])),
        ["negative T5 id"] = ("tokenized_prompt.t5_token_ids[0]", Ids([-1, 1], [510, 511])),
        ["no CLIP ids"] = ("tokenized_prompt.clip_token_ids", Ids([1], [])),
        ["too many CLIP ids"] = ("tokenized_prompt.clip_token_ids", Ids([1], Enumerable.Repeat(511, 78))),
        ["no end token"] = ("tokenized_prompt.clip_token_ids", Ids([1], [510, 7])),
        ["CLIP id beyond the vocabulary"] = ("tokenized_prompt.clip_token_ids[2]", Ids([1], [510, 511, 512])),
    };

    private readonly TextEncoderFolder _folder = new TextEncoderFolder().WithFittingTokenizers();
    private RunningTextEncoder _service = null!;

    public static TheoryData<string> Refused { get; } = [.. _refused.Keys];

    public async Task InitializeAsync()
    {
        var options = RunningTextEncoder.Options(_folder);
        options.MaxRequests = 4;
        _service = await RunningTextEncoder.StartAsync(options);
    }

    public async Task DisposeAsync() => await _service.DisposeAsync();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task Bad_requests_name_the_field(string mistake)
    {
        var (field, request) = _refused[mistake];

        var exception = await Assert.ThrowsAsync<RpcException>(async () => await _service.Client.EncodeAsync(request));

        Assert.Equal(StatusCode.InvalidArgument, exception.StatusCode);
        var violation = Assert.Single(exception.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations);
        Assert.Equal(field, violation.Field);
        Assert.Contains(violation.Description, exception.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_mistakes_are_named_at_once()
    {
        var request = Ids([999], [7]);
        request.ReplyDataType = DataType.Uint8;

        var exception = await Assert.ThrowsAsync<RpcException>(async () => await _service.Client.EncodeAsync(request));

        Assert.Equal(["reply_data_type", "tokenized_prompt.t5_token_ids[0]", "tokenized_prompt.clip_token_ids"],
            exception.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations.Select(violation => violation.Field));
    }

    [Fact]
    public async Task Tokenize_refuses_what_encode_refuses()
    {
        var exception = await Assert.ThrowsAsync<RpcException>(
            async () => await _service.Client.TokenizeAsync(new() { Prompt = new string('x', 10_001), MaxTokens = 0 }));

        Assert.Equal(["prompt", "max_tokens"],
            exception.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations.Select(violation => violation.Field));
    }

    [Fact]
    public async Task Too_many_requests_are_told_to_come_back()
    {
        var places = Enumerable.Range(0, 4).Select(_ => _service.Limit.Enter()).ToArray();

        var exception = await Assert.ThrowsAsync<RpcException>(async () => await _service.Client.EncodeAsync(new() { Prompt = "a" }));
        foreach (var place in places)
            place.Dispose();

        Assert.Equal(StatusCode.ResourceExhausted, exception.StatusCode);
        Assert.True(exception.GetRpcStatus()!.GetDetail<RetryInfo>().RetryDelay.ToTimeSpan() > TimeSpan.Zero);
        await _service.Client.EncodeAsync(new() { Prompt = "a" });
    }

    [Fact]
    public async Task Nothing_is_left_of_answered_refused_and_cancelled_calls()
    {
        // What torch's own layers leave behind when they are made is for the collector.
        var before = LiveTensors.CountSettled();

        for (var i = 0; i < 20; i++)
        {
            using var cancellation = new CancellationTokenSource();
            var call = _service.Client.EncodeAsync(new() { Prompt = "a cat" }, cancellationToken: cancellation.Token);
            if (i % 2 == 0)
                await cancellation.CancelAsync();
            await Record.ExceptionAsync(async () => await call);
            await Record.ExceptionAsync(async () => await _service.Client.EncodeAsync(new() { Prompt = "", MaxTokens = 0 }));
        }

        // The server frees a reply once it is written, which may be just after the client has read it.
        for (var i = 0; i < 1_000_000 && Tensor.TotalCount != before; i++)
            await Task.Yield();
        Assert.Equal(before, Tensor.TotalCount);
    }

    private static TextEncoderServiceEncodeRequest Ids(IEnumerable<int> t5, IEnumerable<int> clip) => new()
    {
        TokenizedPrompt = new() { T5TokenIds = { t5 }, ClipTokenIds = { clip } },
    };
}
