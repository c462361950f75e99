using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using FluxGrpc.V1;
using Xunit;
using Xunit.Abstractions;
using static TorchSharp.torch;
using DataType = FluxGrpc.V1.DataType;

namespace FluxGrpc.GoldenTests.TextEncoder;

/// <summary>What the service answers over gRPC is what the reference computes.</summary>
public sealed class TextEncoderServiceGoldenTests(ITestOutputHelper output) : IAsyncLifetime, IDisposable
{
    private const double T5Bound = 8e-6;
    private const double ClipBound = 6e-6;

    private readonly TextEncoderFolder _folder = new();
    private readonly GoldenFile _t5 = GoldenFolder.Open("t5_io.safetensors");
    private readonly GoldenFile _clip = GoldenFolder.Open("clip_io.safetensors");
    private RunningTextEncoder _service = null!;

    public async Task InitializeAsync() => _service = await RunningTextEncoder.StartAsync(RunningTextEncoder.Options(_folder));

    public async Task DisposeAsync() => await _service.DisposeAsync();

    public void Dispose()
    {
        _t5.Dispose();
        _clip.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Encode_answers_the_reference_numbers(int row)
    {
        var reply = await _service.Client.EncodeAsync(new() { TokenizedPrompt = Prompt(row), ReplyDataType = DataType.Float32 });

        Assert.True(FluxGrpc.Tensors.Shape.Is(reply.HiddenStates, 1, 40, 48));
        Assert.True(FluxGrpc.Tensors.Shape.Is(reply.Pooled, 1, 48));
        Assert.InRange(Error("hidden_states", reply.HiddenStates, _t5, "last_hidden_state", row), 0, T5Bound);
        Assert.InRange(Error("pooled", reply.Pooled, _clip, "pooler_output", row), 0, ClipBound);
        Assert.Null(reply.T5Usage);
        Assert.Null(reply.ClipUsage);
    }

    [Fact]
    public async Task Answers_to_another_prompt_miss()
    {
        var reply = await _service.Client.EncodeAsync(new() { TokenizedPrompt = Prompt(0) });

        Assert.InRange(Error("hidden_states", reply.HiddenStates, _t5, "last_hidden_state", 1), 100 * T5Bound, double.MaxValue);
        Assert.InRange(Error("pooled", reply.Pooled, _clip, "pooler_output", 1), 100 * ClipBound, double.MaxValue);
    }

    [Fact]
    public async Task The_reply_has_the_type_that_was_asked_for()
    {
        var whole = await _service.Client.EncodeAsync(new() { TokenizedPrompt = Prompt(0) });
        var half = await _service.Client.EncodeAsync(new() { TokenizedPrompt = Prompt(0), ReplyDataType = DataType.Bfloat16 });

        Assert.Equal(DataType.Float32, whole.HiddenStates.DataType);
        Assert.Equal(DataType.Float32, whole.Pooled.DataType);
        Assert.Equal(DataType.Bfloat16, half.HiddenStates.DataType);
        Assert.Equal(DataType.Bfloat16, half.Pooled.DataType);
        using var scope = NewDisposeScope();
        using var rounded = TensorConversion.ToTorch(whole.HiddenStates, CPU, ScalarType.BFloat16);
        Assert.Equal(0, Difference.MaxAbs(TensorConversion.ToTorch(half.HiddenStates, CPU, ScalarType.BFloat16), rounded));
    }

    [Fact]
    public async Task Equal_requests_have_equal_keys_and_bytes_and_others_do_not()
    {
        var first = await _service.Client.EncodeAsync(new() { TokenizedPrompt = Prompt(0) });
        var again = await _service.Client.EncodeAsync(new() { TokenizedPrompt = Prompt(0), ReplyDataType = DataType.Float32 });
        var other = await _service.Client.EncodeAsync(new() { TokenizedPrompt = Prompt(1) });
        var half = await _service.Client.EncodeAsync(new() { TokenizedPrompt = Prompt(0), ReplyDataType = DataType.Bfloat16 });

        Assert.Matches("^[0-9a-f]{32}$", first.ContentKey);
        Assert.Equal(first.ContentKey, again.ContentKey);
        Assert.Equal(first.HiddenStates, again.HiddenStates);
        Assert.Equal(first.Pooled, again.Pooled);
        Assert.Equal(3, new[] { first.ContentKey, other.ContentKey, half.ContentKey }.Distinct().Count());
    }

    [Fact]
    public async Task Model_info_tells_the_sizes()
    {
        var info = await _service.Client.GetModelInfoAsync(new());

        Assert.Equal(48, info.HiddenSize);
        Assert.Equal(48, info.PooledSize);
        Assert.Equal(512, info.MaxTokens);
        Assert.Equal(77, info.MaxClipTokens);
        Assert.Equal(10_000, info.MaxPromptLength);
        Assert.Equal(256, info.T5VocabularySize);
        Assert.Equal(512, info.ClipVocabularySize);
        Assert.Equal(DataType.Float32, info.Component.ComputeDataType);
        Assert.Equal("cpu", info.Component.Device);
        Assert.Equal("hugging-face", info.Component.CheckpointLayout);
        Assert.Equal(Path.GetFileName(_folder.Path), info.Component.ModelName);
        Assert.Matches("^[0-9a-f]{32}$", info.Component.Fingerprint);
        Assert.Equal(256 << 20, info.Component.MaxMessageBytes);
        Assert.False(info.Component.RandomWeights);
        Assert.Equal(91_088 + 113_184, info.Component.ParameterCount);
    }

    private TokenizedPrompt Prompt(int row) => new()
    {
        T5TokenIds = { Row(_t5, row) },
        ClipTokenIds = { Row(_clip, row) },
    };

    private static IEnumerable<int> Row(GoldenFile file, int row)
    {
        var length = (int)file.Shape("input_ids")[1];
        return file.Integers("input_ids").Skip(row * length).Take(length).Select(id => (int)id);
    }

    private double Error(string name, V1.Tensor actual, GoldenFile golden, string expected, int row)
    {
        var size = actual.Data.Length / sizeof(float);
        var error = Difference.MaxAbs(TensorMessage.Floats(actual), golden.Floats(expected).AsSpan(row * size, size));
        output.WriteLine($"{name} of row {row} {error:e1}, bounds {T5Bound:e1} and {ClipBound:e1}");
        return error;
    }
}
