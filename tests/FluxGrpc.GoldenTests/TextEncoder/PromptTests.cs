using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.GoldenTests.TextEncoder;

/// <summary>Prompts through the service: with tokenizers that fit, with such that do not, and without.</summary>
public sealed class PromptTests : IDisposable
{
    private readonly TextEncoderFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_prompt_is_what_its_ids_are()
    {
        await using var service = await RunningTextEncoder.StartAsync(RunningTextEncoder.Options(_folder.WithFittingTokenizers()));

        var tokens = await service.Client.TokenizeAsync(new() { Prompt = "a cat", MaxTokens = 20 });
        var fromPrompt = await service.Client.EncodeAsync(new() { Prompt = "a cat", MaxTokens = 20 });
        var fromIds = await service.Client.EncodeAsync(new() { TokenizedPrompt = tokens.TokenizedPrompt });

        Assert.Equal(20, tokens.TokenizedPrompt.T5TokenIds.Count);
        Assert.Equal(77, tokens.TokenizedPrompt.ClipTokenIds.Count);
        Assert.Equal(["<|startoftext|>", "a</w>", "c", "a", "t</w>", "<|endoftext|>"], tokens.ClipPieces);
        Assert.Equal(["▁a", "▁cat", "</s>"], tokens.T5Pieces);
        Assert.Equal(tokens.T5Usage, fromPrompt.T5Usage);
        Assert.Equal(tokens.ClipUsage, fromPrompt.ClipUsage);
        Assert.Equal(fromIds.ContentKey, fromPrompt.ContentKey);
        Assert.Equal(fromIds.HiddenStates, fromPrompt.HiddenStates);
        Assert.Equal(fromIds.Pooled, fromPrompt.Pooled);
    }

    [Fact]
    public async Task The_length_is_the_limit_unless_a_shorter_one_is_asked_for()
    {
        await using var service = await RunningTextEncoder.StartAsync(RunningTextEncoder.Options(_folder.WithFittingTokenizers()));

        var whole = await service.Client.EncodeAsync(new() { Prompt = "a cat" });
        var shorter = await service.Client.EncodeAsync(new() { Prompt = "a cat", MaxTokens = 2 });

        Assert.Equal([1, 512, 48], whole.HiddenStates.Shape);
        Assert.False(whole.T5Usage.Truncated);
        Assert.Equal([1, 2, 48], shorter.HiddenStates.Shape);
        Assert.True(shorter.T5Usage.Truncated);
        Assert.Equal(3, shorter.T5Usage.TokenCount);
        Assert.Equal(2, shorter.T5Usage.Limit);
        Assert.Equal("cat", shorter.T5Usage.DroppedText);
    }

    [Theory]
    [InlineData("64", 64)]
    [InlineData("1e30", 512)]
    [InlineData("1", 512)]
    public async Task The_tokenizers_folder_limits_the_length_where_it_is_sane(string stated, int limit)
    {
        _folder.WithFittingTokenizers();
        File.WriteAllText(Path.Combine(_folder.T5Tokenizer, "tokenizer_config.json"), $$"""{"model_max_length": {{stated}}}""");
        await using var service = await RunningTextEncoder.StartAsync(RunningTextEncoder.Options(_folder));

        Assert.Equal(limit, (await service.Client.GetModelInfoAsync(new())).MaxTokens);
    }

    [Fact]
    public async Task A_bfloat16_service_answers_in_bfloat16_unless_told_otherwise()
    {
        var options = RunningTextEncoder.Options(_folder.WithFittingTokenizers());
        options.Dtype = "bfloat16";
        await using var service = await RunningTextEncoder.StartAsync(options);

        var reply = await service.Client.EncodeAsync(new() { Prompt = "a cat" });
        var whole = await service.Client.EncodeAsync(new() { Prompt = "a cat", ReplyDataType = DataType.Float32 });

        Assert.Equal(DataType.Bfloat16, (await service.Client.GetModelInfoAsync(new())).Component.ComputeDataType);
        Assert.Equal((DataType.Bfloat16, DataType.Bfloat16), (reply.HiddenStates.DataType, reply.Pooled.DataType));
        Assert.Equal((DataType.Float32, DataType.Float32), (whole.HiddenStates.DataType, whole.Pooled.DataType));
        Assert.Equal(TensorMessage.ToFloats(reply.HiddenStates), TensorMessage.ToFloats(whole.HiddenStates));
    }

    [Fact]
    public async Task T5_may_have_a_prompt_of_its_own()
    {
        await using var service = await RunningTextEncoder.StartAsync(RunningTextEncoder.Options(_folder.WithFittingTokenizers()));

        var tokens = await service.Client.TokenizeAsync(new() { Prompt = "a", T5Prompt = "the cat" });

        Assert.Equal(["<|startoftext|>", "a</w>", "<|endoftext|>"], tokens.ClipPieces);
        Assert.Equal(["▁the", "▁cat", "</s>"], tokens.T5Pieces);
    }

    [Fact]
    public async Task No_text_at_all_is_a_prompt()
    {
        await using var service = await RunningTextEncoder.StartAsync(RunningTextEncoder.Options(_folder.WithFittingTokenizers()));

        var reply = await service.Client.EncodeAsync(new() { Prompt = "", MaxTokens = 4 });

        Assert.Equal(1, reply.T5Usage.TokenCount);
        Assert.Equal(2, reply.ClipUsage.TokenCount);
    }

    [Fact]
    public async Task Without_tokenizers_ids_work_and_prompts_do_not()
    {
        await using var service = await RunningTextEncoder.StartAsync(RunningTextEncoder.Options(_folder));

        await service.Client.EncodeAsync(new()
        {
            TokenizedPrompt = new() { T5TokenIds = { 5, 1 }, ClipTokenIds = { 510, 7, 511 } },
        });
        await AssertPrecondition("NO_TOKENIZER", () => service.Client.EncodeAsync(new() { Prompt = "a cat" }));
        await AssertPrecondition("NO_TOKENIZER", () => service.Client.TokenizeAsync(new() { Prompt = "a cat" }));
    }

    [Fact]
    public async Task Tokenizers_of_another_model_stop_the_start()
    {
        _folder.WithTokenizers();

        var exception = await Assert.ThrowsAsync<InvalidDataException>(
            () => RunningTextEncoder.StartAsync(RunningTextEncoder.Options(_folder)));

        const string Problem = "T5's tokenizer has ids up to 399, but its model has a vocabulary of 256";
        Assert.Contains(Problem, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokenizers_of_another_model_may_be_allowed()
    {
        var options = RunningTextEncoder.Options(_folder.WithTokenizers());
        options.AllowVocabularyMismatch = true;
        await using var service = await RunningTextEncoder.StartAsync(options);

        var tokens = await service.Client.TokenizeAsync(new() { Prompt = "a photo of a cat" });

        Assert.Equal([49406, 320, 1125, 539, 320, 2368, 49407], tokens.TokenizedPrompt.ClipTokenIds.Take(7));
        await AssertPrecondition("VOCABULARY_MISMATCH", () => service.Client.EncodeAsync(new() { Prompt = "a photo of a cat" }));
        await service.Client.EncodeAsync(new()
        {
            TokenizedPrompt = new() { T5TokenIds = { 5, 1 }, ClipTokenIds = { 510, 7, 511 } },
        });
    }

    [Fact]
    public async Task Random_weights_are_told()
    {
        _folder.EditConfig("text_encoder_2", config => config["_random_weights"] = true);
        await using var service = await RunningTextEncoder.StartAsync(RunningTextEncoder.Options(_folder));

        Assert.True((await service.Client.GetModelInfoAsync(new())).Component.RandomWeights);
    }

    [Fact]
    public async Task Parts_may_come_from_elsewhere()
    {
        using var tokenizers = new TextEncoderFolder().WithFittingTokenizers();
        var options = RunningTextEncoder.Options(_folder);
        options.Checkpoint = "";
        options.ClipCheckpoint = _folder.Clip;
        options.T5Checkpoint = Path.Combine(_folder.T5, "model.safetensors");
        options.ClipTokenizer = tokenizers.ClipTokenizer;
        options.T5Tokenizer = Path.Combine(tokenizers.T5Tokenizer, "tokenizer.json");
        await using var service = await RunningTextEncoder.StartAsync(options);

        var reply = await service.Client.EncodeAsync(new() { Prompt = "a cat" });
        var info = await service.Client.GetModelInfoAsync(new());

        Assert.Equal([1, 512, 48], reply.HiddenStates.Shape);
        Assert.Equal("model.safetensors+text_encoder", info.Component.ModelName);
    }

    private static async Task AssertPrecondition<T>(string reason, Func<AsyncUnaryCall<T>> call)
    {
        var exception = await Assert.ThrowsAsync<RpcException>(async () => await call());
        Assert.Equal(StatusCode.FailedPrecondition, exception.StatusCode);
        Assert.Equal(reason, exception.GetRpcStatus()!.GetDetail<ErrorInfo>().Reason);
    }
}
