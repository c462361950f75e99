using FluxGrpc.Checkpoints;
using FluxGrpc.Cli.Recording;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Google.Protobuf;
using Xunit;

namespace FluxGrpc.UnitTests.Cli;

public sealed class SessionRecordingTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-test-");

    private string File => Path.Combine(_folder.FullName, "session.safetensors");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(3.5f)]
    [InlineData(null)]
    public void What_is_written_is_read(float? guidance)
    {
        var written = Sample() with { Guidance = guidance };
        written.Write(File);

        var read = SessionRecording.Read(File);

        Assert.Equal(written.HiddenStates, read.HiddenStates);
        Assert.Equal(written.Pooled, read.Pooled);
        Assert.Equal(written.Sigmas, read.Sigmas);
        Assert.Equal(written.Latents, read.Latents);
        Assert.Equal(written.Velocities, read.Velocities);
        Assert.Equal(written.Grid, read.Grid);
        Assert.Equal((written.Guidance, written.Fingerprint, written.Prompt, written.ModelName, written.Seed),
            (read.Guidance, read.Fingerprint, read.Prompt, read.ModelName, read.Seed));
    }

    [Fact]
    public void A_checkpoint_is_no_recording()
    {
        SafetensorsWriter.Write(File, [new TensorContent("img_in.weight", StorageType.Float32, [1], new byte[4])]);

        var exception = Assert.Throws<InvalidDataException>(() => SessionRecording.Read(File));

        Assert.Contains("is not a recording", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_step_is_named()
    {
        var whole = Sample();
        (whole with { Latents = [whole.Latents[0]], Velocities = [whole.Velocities[0]] }).Write(File);

        var exception = Assert.Throws<InvalidDataException>(() => SessionRecording.Read(File));

        Assert.Contains("latents.1", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recorder_gives_one_recording_for_each_image()
    {
        var sample = Sample();
        var recorder = new SessionRecorder("a cat", "f00d");
        Assert.Null(recorder.Observe(new GenerateResponse
        {
            Accepted = new GenerationAccepted
            {
                ModelName = "mini",
                Settings = new GenerationSettings
                {
                    Width = 32,
                    Height = 16,
                    Count = 2,
                    Steps = 2,
                    Guidance = 3.5f,
                    Sigmas = { 1, 0.5f, 0 },
                },
            },
        }));
        Assert.Null(recorder.Observe(new GenerateResponse
        {
            Encoded = new PromptEncoded { HiddenStates = sample.HiddenStates, Pooled = sample.Pooled },
        }));

        foreach (var seed in new ulong[] { 7, 8 })
        {
            for (var step = 0; step < 2; step++)
            {
                Assert.Null(recorder.Observe(new GenerateResponse
                {
                    Step = new StepCompleted { Latents = sample.Latents[step], Velocity = sample.Velocities[step] },
                }));
            }

            var recording = recorder.Observe(new GenerateResponse { Image = new GeneratedImage { Seed = seed } });

            Assert.NotNull(recording);
            Assert.Equal(seed, recording.Seed);
            Assert.Equal(sample.Latents, recording.Latents);
            Assert.Equal(sample.Velocities, recording.Velocities);
            Assert.Equal(new LatentGrid { Rows = 1, Columns = 2 }, recording.Grid);
            Assert.Equal(3.5f, recording.Guidance);
        }
    }

    private static SessionRecording Sample() => new()
    {
        HiddenStates = Bfloat16([0x3F80, 0xC000, 0x0001], 1, 1, 3),
        Pooled = TensorMessage.FromFloats([0.25f, -1], 1, 2),
        Sigmas = [1, 0.625f, 0],
        Latents = [TensorMessage.FromFloats([1, 2], 1, 2, 1), TensorMessage.FromFloats([3, 4], 1, 2, 1)],
        Velocities = [TensorMessage.FromFloats([-1, -2], 1, 2, 1), TensorMessage.FromFloats([-3, -4], 1, 2, 1)],
        Grid = new LatentGrid { Rows = 1, Columns = 2 },
        Guidance = 3.5f,
        Fingerprint = "f00d",
        Prompt = "ein \"Bild\" 🎨",
        ModelName = "mini",
        Seed = ulong.MaxValue,
    };

    private static Tensor Bfloat16(ushort[] bits, params long[] shape)
    {
        var tensor = new Tensor { DataType = DataType.Bfloat16, Data = ByteString.CopyFrom([.. bits.SelectMany(BitConverter.GetBytes)]) };
        tensor.Shape.AddRange(shape);
        return tensor;
    }
}
