using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using FluxGrpc.Torch;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Checkpoints;

public sealed class CheckpointLoadingTests
{
    private static readonly ComputeDevice _float32 = ComputeDevice.Open("cpu", "float32");
    private static readonly ComputeDevice _bfloat16 = ComputeDevice.Open("cpu", "bfloat16");

    [Fact]
    public void A_parameter_in_its_stored_type_is_the_mapped_file_itself()
    {
        using var checkpoint = Checkpoint.Open(GoldenFolder.PathOf("transformer_dev.safetensors"), ModelComponent.Transformer);
        using var module = ModuleOf(checkpoint);
        checkpoint.LoadInto(module, _float32);

        using var file = SafetensorsFile.Open(GoldenFolder.PathOf("transformer_dev.safetensors"));
        var mapped = MappedAddresses("transformer_dev.safetensors");
        foreach (var (name, parameter) in module.named_parameters())
        {
            using var expected = file.View(name);
            Assert.Equal(0, Difference.MaxAbs(parameter, expected));
            Assert.False(parameter.requires_grad);
            Assert.Contains(mapped, range => range.Start <= NativeTensor.DataPointer(parameter) && NativeTensor.DataPointer(parameter) < range.End);
        }
    }

    [Fact]
    public void Other_types_are_converted()
    {
        using var checkpoint = Checkpoint.Open(GoldenFolder.PathOf("vae.safetensors"), ModelComponent.Vae);
        using var module = ModuleOf(checkpoint);
        checkpoint.LoadInto(module, _bfloat16, key => key.Contains("norm", StringComparison.Ordinal) ? ScalarType.Float32 : ScalarType.BFloat16);

        using var file = SafetensorsFile.Open(GoldenFolder.PathOf("vae.safetensors"));
        foreach (var (name, parameter) in module.named_parameters())
        {
            var type = name.Contains("norm", StringComparison.Ordinal) ? ScalarType.Float32 : ScalarType.BFloat16;
            using var stored = file.View(name);
            using var expected = stored.to(type);
            Assert.Equal(type, parameter.dtype);
            Assert.Equal(0, Difference.MaxAbs(parameter, expected));
        }
    }

    [Fact]
    public void Layers_of_torch_are_filled_through_their_properties()
    {
        var folder = Directory.CreateTempSubdirectory("flux-");
        try
        {
            using var sequence = nn.Sequential(
                ("linear", nn.Linear(3, 5, device: META)),
                ("conv", nn.Conv2d(4, 6, 3, device: META)),
                ("group", nn.GroupNorm(2, 4, device: META)),
                ("layer", nn.LayerNorm(7, device: META)),
                ("table", nn.Embedding(9, 2, device: META)));
            var path = Path.Combine(folder.FullName, "x.safetensors");
            var tensors = sequence.named_parameters()
                .Select(pair => TensorContent.Of("single_blocks.0." + pair.name, arange(pair.parameter.numel(), ScalarType.Float32).view(pair.parameter.shape)))
                .ToArray();
            SafetensorsWriter.Write(path, tensors);
            using var module = new Blocks(sequence);

            using (var checkpoint = Checkpoint.Open(path, ModelComponent.Transformer))
                checkpoint.LoadInto(module, _float32);

            Assert.Equal(10 - 1, module.named_parameters().Count());
            foreach (var (name, parameter) in module.named_parameters())
            {
                Assert.Equal(parameter.numel() - 1, parameter.max().item<float>());
                Assert.Equal(_float32.Device.type, parameter.device_type);
            }

            using var ids = tensor(new long[] { 3 });
            using var row = ((Embedding)sequence[4]).call(ids);
            Assert.Equal([6f, 7f], row.data<float>().ToArray());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static KeyTree ModuleOf(Checkpoint checkpoint) => new(checkpoint.Tensors.Values.Select(tensor => (tensor.Name, tensor.Shape)));

    private static IReadOnlyList<(nint Start, nint End)> MappedAddresses(string file) =>
        [.. File.ReadLines("/proc/self/maps").Where(line => line.EndsWith("/" + file, StringComparison.Ordinal))
            .Select(line => line.Split(' ')[0].Split('-'))
            .Select(range => (nint.Parse(range[0], System.Globalization.NumberStyles.HexNumber, null), nint.Parse(range[1], System.Globalization.NumberStyles.HexNumber, null)))];

    private sealed class Blocks : nn.Module
    {
        public Blocks(nn.Module block) : base(nameof(Blocks))
        {
            var list = new ModuleList<nn.Module>(block);
            register_module("single_blocks", list);
        }
    }
}
