using CsCheck;
using FluxGrpc.Denoiser;
using FluxGrpc.Denoiser.Sessions;
using FluxGrpc.Hosting;
using FluxGrpc.LocalCluster;
using FluxGrpc.Orchestrator;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Tensors;
using FluxGrpc.TextEncoder;
using FluxGrpc.TextEncoder.Tokenization;
using FluxGrpc.Torch;
using FluxGrpc.UnitTests.Denoiser;
using FluxGrpc.UnitTests.Orchestrator;
using FluxGrpc.V1;
using FluxGrpc.Vae;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using Xunit.Abstractions;
using PixelInput = FluxGrpc.Vae.EncodeInput;
using PromptInput = FluxGrpc.TextEncoder.EncodeInput;
using SessionStep = FluxGrpc.Denoiser.Sessions.DenoiseStep;

namespace FluxGrpc.UnitTests.Fuzzing;

/// <summary>
/// Whatever a caller sends is taken, or refused with a status that the contracts name, soon, and without more memory than its size
/// allows.
/// </summary>
public sealed class RequestFuzzTests(ITestOutputHelper output)
{
    private const long Kilobyte = 1024;

    private static readonly PictureLimits _pictures = new(LatentChannels: 16, DownscaleFactor: 8, MaxPixels: 64 * 128);
    private static readonly DenoiserOptions _sessions = new() { MaxImageTokens = 6, MaxTextTokens = 5, MaxSteps = 10 };

    [Fact]
    public void Tensors() => Run(new Tensor { DataType = DataType.Float32, Shape = { 2, 3 }, Data = ByteString.CopyFrom(new byte[24]) },
        tensor =>
        {
            if (TensorMessage.ProblemOfFinite(tensor) is null)
                Assert.All(TensorMessage.ToFloats(tensor), value => Assert.True(float.IsFinite(value)));
            if (TensorMessage.Problem(tensor, Enum.GetValues<DataType>().Except([DataType.Unspecified]).ToArray()) is not null)
                return;
            using var torch = TensorConversion.ToTorch(tensor);
            Assert.Equal([.. tensor.Shape], torch.shape);
            using var back = TensorConversion.ToMessage(torch);
            Assert.Equal(tensor.Data, back.Message.Data);
        }, tensor => (64 * Kilobyte) + (64L * tensor.CalculateSize()), share: 0.1);

    [Fact]
    public void Orders_of_pictures()
    {
        var facts = SmallModels.Facts();
        var limits = RequestLimits.Of(new OrchestratorOptions(), facts);

        Run(new GenerateRequest { Prompt = "a red circle", Width = 128, Height = 128, Steps = 4, InitImage = ByteString.Empty, Seed = 1 },
            message =>
            {
                var request = GenerationRequest.Parse(message, limits, facts);
                Assert.InRange(request.Steps, 1, limits.MaxSteps);
                Assert.InRange(request.Count, 1, limits.MaxCount);
                Assert.InRange((long)request.Grid.Width * request.Grid.Height, 1, limits.MaxPixels);
                Assert.InRange(request.Work, 1, long.MaxValue);
            }, message => (13L << 20) + (64L * message.CalculateSize()), share: 0.1); // A picture of 4 megapixels is 12 MiB.
    }

    [Fact]
    public void Openings_of_sessions() => Run(Messages.Opening(SmallTransformer.Config),
        message =>
        {
            var opening = SessionOpening.Parse(message, SmallTransformer.Config, _sessions);
            Assert.InRange(opening.ImageTokens, 1, _sessions.MaxImageTokens);
            Assert.InRange(opening.RemainingSteps, 1, _sessions.MaxSteps);
        }, Small, share: 0.1);

    [Fact]
    public void Steps_of_sessions()
    {
        var opening = SessionOpening.Parse(Messages.Opening(SmallTransformer.Config), SmallTransformer.Config, _sessions);

        Run(Messages.Step(SmallTransformer.Config, 1), message =>
        {
            var step = SessionStep.Parse(message, opening, SmallTransformer.Config, lastIndex: 0);
            Assert.InRange(step.Index, 0, 1);
        }, Small, share: 0.05);
    }

    [Fact]
    public void Latents_to_decode() => Run(
        new DecodeRequest { Latents = TensorMessage.FromFloats(new float[16 * 8 * 16], 1, 16, 8, 16) },
        message => DecodeInput.Parse(message, _pictures), Small, share: 0.05);

    [Fact]
    public void Pixels_to_encode() => Run(
        new VaeServiceEncodeRequest
        {
            Pixels = new Tensor { DataType = DataType.Uint8, Shape = { 16, 16, 3 }, Data = ByteString.CopyFrom(new byte[768]) },
        },
        message => PixelInput.Parse(message, _pictures), Small, share: 0.05);

    [Fact]
    public async Task Prompts_to_encode()
    {
        using var model = await TextEncoderModel.LoadAsync(new TextEncoderOptions { Checkpoint = EmbeddedCheckpoint.Folder },
            ComputeDevice.Open("cpu", "float32"), TimeProvider.System, NullLogger.Instance,
            new LoadingLog(TimeProvider.System, NullLogger<LoadingLog>.Instance), CancellationToken.None);

        Run(new TextEncoderServiceEncodeRequest { Prompt = "a red circle", MaxTokens = 16 },
            message =>
            {
                var input = PromptInput.Parse(message, model);
                Assert.InRange(input.T5Ids.Count, 1, model.Limits.MaxTokens);
                Assert.All(input.T5Ids, id => Assert.InRange(id, 0, model.Limits.T5VocabularySize - 1));
                Assert.All(input.ClipIds, id => Assert.InRange(id, 0, model.Limits.ClipVocabularySize - 1));
            }, message => (4096 * Kilobyte) + (1024L * message.CalculateSize()), share: 0.05);
    }

    [Fact]
    public void Prompts_of_any_characters()
    {
        var t5 = T5Tokenizer.Load(Path.Combine(EmbeddedCheckpoint.Folder, "tokenizer_2"));
        var clip = ClipTokenizer.Load(Path.Combine(EmbeddedCheckpoint.Folder, "tokenizer"));
        var anything = Gen.OneOf(Gen.String[0, 200], Gen.String[Gen.Char["ab ▁</>|sé\u0301\ud83d\udc69\u200d\0\n"], 0, 400]);

        FuzzRun.Run(
            Gen.Select(anything, Gen.Int[1, 10], (text, chance) => chance == 1 ? Repeated(text) : text),
            prompt =>
            {
                var (t5Tokens, clipTokens) = (t5.Encode(prompt, 32), clip.Encode(prompt, 77));
                Assert.All(t5Tokens.Ids, id => Assert.InRange(id, 0, t5.VocabularySize - 1));
                Assert.All(clipTokens.Ids, id => Assert.InRange(id, 0, clip.VocabularySize - 1));
                Assert.Equal((32, 77), (t5Tokens.Ids.Count, clipTokens.Ids.Count));
            },
            prompt => Convert.ToHexString(System.Text.Encoding.Unicode.GetBytes(prompt)),
            prompt => (1024 * Kilobyte) + (1024L * prompt.Length), output, share: 0.15);
    }

    /// <summary>The longest prompt that a service takes.</summary>
    private static string Repeated(string text) =>
        text.Length == 0 ? "" : string.Concat(Enumerable.Repeat(text, new TextEncoderOptions().MaxPromptLength / text.Length));

    private static long Small(IMessage message) => (64 * Kilobyte) + (64L * message.CalculateSize());

    /// <summary>Messages that were drawn whole, valid ones that were spoiled, and ones whose bytes were mutated.</summary>
    private void Run<T>(T valid, Action<T> parse, Func<T, long> mostBytes, double share)
        where T : class, IMessage<T>
    {
        var drawn = Gen.Int.Select(seed => (T)new MessageDraw(new Random(seed)).Draw(valid.Descriptor));
        var spoiled = Gen.Int.Select(seed => new MessageDraw(new Random(seed)).Spoil(valid));
        var wire = Mutation.Of(valid.ToByteArray()).Select(Read<T>);
        FuzzRun.Run(Gen.OneOf(drawn, spoiled, wire), message =>
        {
            try
            {
                parse(message);
            }
            catch (RpcException refused) when (refused.StatusCode is StatusCode.InvalidArgument or StatusCode.FailedPrecondition)
            {
                Assert.NotEmpty(refused.Status.Detail);
            }
        }, message => Convert.ToBase64String(message.ToByteArray()), mostBytes, output, share);
    }

    /// <summary>What protobuf refuses never reaches us; an empty message stands for it.</summary>
    private static T Read<T>(byte[] bytes)
        where T : class, IMessage<T>
    {
        var parser = (MessageParser<T>)Activator.CreateInstance<T>().Descriptor.Parser;
        try
        {
            return parser.ParseFrom(bytes);
        }
        catch (InvalidProtocolBufferException)
        {
            return parser.ParseFrom(ByteString.Empty);
        }
    }
}
