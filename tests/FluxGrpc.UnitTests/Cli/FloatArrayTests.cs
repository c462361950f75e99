using FluxGrpc.Checkpoints;
using FluxGrpc.Cli.Verification;
using Xunit;

namespace FluxGrpc.UnitTests.Cli;

public sealed class FloatArrayTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flux-test-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void The_elements_of_a_batch_put_together_are_the_batch()
    {
        var batch = new FloatArray([3, 2], [1, 2, 3, 4, 5, 6]);

        var again = FloatArray.Stack([.. Enumerable.Range(0, 3).Select(batch.Element)]);

        Assert.Equal(batch.Shape, again.Shape);
        Assert.Equal(batch.Values, again.Values);
        Assert.Equal([3, 4], batch.Element(1).Values);
    }

    [Fact]
    public void An_element_that_is_not_there_is_unreadable_data() =>
        Assert.Throws<InvalidDataException>(() => new FloatArray([1, 2], [1, 2]).Element(1));

    [Fact]
    public void Bytes_are_levels()
    {
        using var file = Write(new TensorContent("rgb", StorageType.UInt8, [2, 1], new byte[] { 0, 255 }));

        Assert.Equal([0, 255], FloatArray.Read(file, "rgb").Values);
    }

    [Fact]
    public void Scalars_and_integers_are_refused()
    {
        using var file = Write(
            new TensorContent("scalar", StorageType.Float32, [], new byte[4]),
            new TensorContent("ids", StorageType.Int64, [1], new byte[8]));

        Assert.Throws<InvalidDataException>(() => FloatArray.Read(file, "scalar"));
        Assert.Throws<InvalidDataException>(() => FloatArray.Read(file, "ids"));
        Assert.Throws<InvalidDataException>(() => FloatArray.Read(file, "nothing"));
    }

    [Fact]
    public void Ids_of_a_grid_are_recognised()
    {
        using var file = Write(Ids("img_ids", [0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 1, 0], [0, 1, 1], [0, 1, 2]), Ids("txt_ids", [0, 0, 0]));

        Assert.Equal((2, 3), (PositionIds.GridOf(file, 0).Rows, PositionIds.GridOf(file, 0).Columns));
    }

    [Fact]
    public void Ids_of_no_grid_are_refused()
    {
        using var columnsFirst = Write(Ids("img_ids", [0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 1]));
        Assert.Throws<InvalidDataException>(() => PositionIds.GridOf(columnsFirst, 0));

        using var secondImage = Write(Ids("img_ids", [1, 0, 0]));
        Assert.Throws<InvalidDataException>(() => PositionIds.GridOf(secondImage, 0));

        using var notANumber = Write(Ids("img_ids", [0, float.NaN, 0]));
        Assert.Throws<InvalidDataException>(() => PositionIds.GridOf(notANumber, 0));
    }

    private static TensorContent Ids(string name, params float[][] tokens) => new(
        name, StorageType.Float32, [1, tokens.Length, 3], tokens.SelectMany(token => token).SelectMany(BitConverter.GetBytes).ToArray());

    private SafetensorsFile Write(params TensorContent[] tensors)
    {
        var path = Path.Combine(_folder.FullName, $"{Guid.NewGuid():N}.safetensors");
        SafetensorsWriter.Write(path, tensors);
        return SafetensorsFile.Open(path);
    }
}
