using System.Globalization;
using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Checkpoints;

public sealed class CheckpointLoadingTests : IDisposable
{
    private static readonly ComputeDevice _float32 = ComputeDevice.Open("cpu", "float32");
    private static readonly ComputeDevice _bfloat16 = ComputeDevice.Open("cpu", "bfloat16");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_parameter_in_its_stored_type_is_the_mapped_file_itself()
    {
        using var checkpoint = Checkpoint.Open(GoldenFolder.PathOf("transformer_dev.safetensors"), ModelComponent.Transformer);
        using var module = ModuleOf(checkpoint);
        checkpoint.LoadInto(module, _float32);

        using var file = SafetensorsFile.Open(GoldenFolder.PathOf("transformer_dev.safetensors"));
        var mapped = MappedRanges("transformer_dev.safetensors");
        foreach (var (name, parameter) in module.named_parameters())
        {
            using var expected = file.View(name);
            var address = NativeTensor.DataPointer(parameter);
            Assert.Equal(0, Difference.MaxAbs(parameter, expected));
            Assert.False(parameter.requires_grad);
            Assert.Contains(mapped, range => range.Start <= address && address < range.End);
        }
    }

    [Fact]
    public void Parameters_of_other_types_are_converted()
    {
        using var checkpoint = Checkpoint.Open(GoldenFolder.PathOf("vae.safetensors"), ModelComponent.Vae);
        using var module = ModuleOf(checkpoint);
        checkpoint.LoadInto(module, _bfloat16);

        using var file = SafetensorsFile.Open(GoldenFolder.PathOf("vae.safetensors"));
        foreach (var (name, parameter) in module.named_parameters())
        {
            using var stored = file.View(name);
            using var expected = stored.bfloat16();
            Assert.Equal(ScalarType.BFloat16, parameter.dtype);
            Assert.Equal(0, Difference.MaxAbs(parameter, expected));
        }
    }

    [Fact]
    public void It_tells_how_much_is_loaded_and_ends_between_two_tensors()
    {
        using var checkpoint = Checkpoint.Open(GoldenFolder.PathOf("vae.safetensors"), ModelComponent.Vae);
        using var module = ModuleOf(checkpoint);
        var told = new List<(long Done, long Total)>();
        checkpoint.LoadInto(module, _bfloat16, (done, total) => told.Add((done, total)));

        Assert.Equal(checkpoint.Tensors.Count, told.Count);
        Assert.All(told, note => Assert.Equal(checkpoint.ByteLength, note.Total));
        Assert.Equal(told.Select(note => note.Done).Distinct().Order(), told.Select(note => note.Done));
        Assert.Equal(checkpoint.ByteLength, told[^1].Done);

        using var stop = new CancellationTokenSource();
        told.Clear();
        Assert.ThrowsAny<OperationCanceledException>(() => checkpoint.LoadInto(module, _bfloat16, (done, total) =>
        {
            told.Add((done, total));
            stop.Cancel();
        }, stop.Token));
        Assert.Single(told);
    }

    [Fact]
    public void Tensors_longer_than_a_chunk_are_converted_whole()
    {
        const long count = (8 << 20) + 3;
        var path = _folder.PathOf("long.safetensors");
        using (var values = arange(count, ScalarType.Float32))
            SafetensorsWriter.Write(path, [TensorContent.Of("single_blocks.0.a", values)]);
        using var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer);
        using var module = ModuleOf(checkpoint);

        checkpoint.LoadInto(module, _bfloat16);

        using var expected = arange(count, ScalarType.Float32).to(ScalarType.BFloat16);
        Assert.Equal(0, Difference.MaxAbs(module.parameters().Single(), expected));
    }

    [Fact]
    public void Layers_of_torch_are_filled_through_their_properties()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Sequential(
            ("text_model", nn.Sequential(
                ("linear", nn.Linear(3, 5, device: META)),
                ("conv", nn.Conv2d(4, 6, 3, device: META)),
                ("group", nn.GroupNorm(2, 4, device: META)),
                ("layer", nn.LayerNorm(7, device: META)),
                ("table", nn.Embedding(9, 2, device: META)))));
        var path = _folder.PathOf("clip_l.safetensors");
        SafetensorsWriter.Write(path, module.named_parameters().Select(pair =>
            TensorContent.Of(pair.name, arange(pair.parameter.numel(), ScalarType.Float32).view(pair.parameter.shape))));

        using (var checkpoint = Checkpoint.Open(path, ModelComponent.ClipText))
            checkpoint.LoadInto(module, _float32);

        Assert.Equal(9, module.named_parameters().Count());
        Assert.All(module.parameters(), parameter => Assert.Equal(parameter.numel() - 1, parameter.max().item<float>()));
        var table = (Embedding)((Sequential)module[0])[4];
        Assert.Equal([6f, 7f], table.call(tensor(new long[] { 3 })).data<float>().ToArray());
    }

    [Theory]
    [InlineData("clip.safetensors", ModelComponent.ClipText)]
    [InlineData("t5.safetensors", ModelComponent.T5)]
    public void The_mapping_lives_as_long_as_a_parameter_of_it_and_nothing_is_left(string file, ModelComponent component)
    {
        var path = _folder.PathOf(Guid.NewGuid() + ".safetensors");
        File.Copy(GoldenFolder.PathOf(file), path);
        var live = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        var checkpoint = Checkpoint.Open(path, component);
        using (var module = ModuleOf(checkpoint))
        {
            checkpoint.LoadInto(module, _float32);
            checkpoint.Dispose();
            checkpoint.Dispose();
            Assert.NotEmpty(MappedRanges(Path.GetFileName(path)));
            using var sum = module.parameters().First().sum();
            Assert.True(float.IsFinite(sum.item<float>()));
        }

        Assert.Empty(MappedRanges(Path.GetFileName(path)));
        Assert.Equal(live, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void A_module_that_cannot_be_filled_is_a_mistake_in_the_code()
    {
        var path = _folder.PathOf("x.safetensors");
        HeaderOnlyFile.Write(path, [("text_model.weight", [1])]);
        using var checkpoint = Checkpoint.Open(path, ModelComponent.ClipText);
        using var module = nn.Sequential(("text_model", new Closed()));

        var error = Assert.Throws<InvalidOperationException>(() => checkpoint.LoadInto(module, _float32));

        Assert.Contains("Closed has no property 'weight' to set", error.Message, StringComparison.Ordinal);
    }

    private static KeyTree ModuleOf(Checkpoint checkpoint) => new(checkpoint.Tensors.Values.Select(tensor => (tensor.Name, tensor.Shape)));

    private static IReadOnlyList<(nint Start, nint End)> MappedRanges(string file) =>
    [
        .. from line in File.ReadLines("/proc/self/maps")
           where line.EndsWith("/" + file, StringComparison.Ordinal)
           let range = line.Split(' ')[0].Split('-')
           select (Address(range[0]), Address(range[1])),
    ];

    private static nint Address(string text) => nint.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private sealed class Closed : nn.Module<Tensor, Tensor>
    {
        public Closed() : base(nameof(Closed)) => register_parameter("weight", new Parameter(empty(1, device: META), requires_grad: false));

        public override Tensor forward(Tensor input) => input;
    }
}
