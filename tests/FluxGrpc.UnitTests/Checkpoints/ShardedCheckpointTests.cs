using System.Text.Json;
using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Checkpoints;

public sealed class ShardedCheckpointTests : IDisposable
{
    private const string Index = "diffusion_pytorch_model.safetensors.index.json";
    private const string First = "diffusion_pytorch_model-00001-of-00002.safetensors";
    private const string Second = "diffusion_pytorch_model-00002-of-00002.safetensors";

    private readonly TemporaryFolder _folder = new();

    public ShardedCheckpointTests()
    {
        HeaderOnlyFile.Write(_folder.PathOf(First), [("double_blocks.0.a", [2]), ("double_blocks.0.b", [3])]);
        HeaderOnlyFile.Write(_folder.PathOf(Second), [("double_blocks.1.a", [4])]);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Shards_are_one_checkpoint()
    {
        WriteIndex(("double_blocks.0.a", First), ("double_blocks.0.b", First), ("double_blocks.1.a", Second));

        using var byFolder = Checkpoint.Open(_folder.Path, ModelComponent.Transformer);
        using var byIndex = Checkpoint.Open(_folder.PathOf(Index), ModelComponent.Transformer);

        Assert.Equal(9, byFolder.ParameterCount);
        Assert.Equal(2, byFolder.CountBlocks("double_blocks."));
        Assert.Equal(byFolder.Tensors.Keys.Order(), byIndex.Tensors.Keys.Order());
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        File.Delete(_folder.PathOf(Second));
        WriteIndex(("double_blocks.0.a", First), ("double_blocks.0.b", First), ("double_blocks.1.a", Second));
        AssertRefused(Second);
    }

    [Fact]
    public void A_tensor_in_another_shard_than_the_index_says_is_named()
    {
        WriteIndex(("double_blocks.0.a", First), ("double_blocks.0.b", Second), ("double_blocks.1.a", Second));
        AssertRefused("1 not in the shard that the index names: double_blocks.0.b in " + Second);
    }

    [Fact]
    public void A_tensor_that_the_index_does_not_name_is_named()
    {
        WriteIndex(("double_blocks.0.a", First), ("double_blocks.1.a", Second));
        AssertRefused("1 not in the index: double_blocks.0.b");
    }

    [Fact]
    public void A_tensor_in_two_shards_is_refused()
    {
        HeaderOnlyFile.Write(_folder.PathOf(Second), [("double_blocks.0.a", [2])]);
        WriteIndex(("double_blocks.0.a", First), ("double_blocks.0.b", First), ("x", Second));
        AssertRefused("tensor 'double_blocks.0.a' is in");
    }

    [Theory]
    [InlineData("../../etc/passwd")]
    [InlineData("/etc/passwd")]
    [InlineData("..\\x.safetensors")]
    [InlineData("sub/x.safetensors")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    public void A_shard_s_name_that_leads_elsewhere_is_refused(string name)
    {
        WriteIndex(("double_blocks.0.a", name));
        AssertRefused("which is not a plain file name");
    }

    [Theory]
    [InlineData("[]", "is not a JSON object")]
    [InlineData("{", "cannot be read")]
    [InlineData("{}", "no object 'weight_map'")]
    [InlineData("""{"weight_map":[]}""", "no object 'weight_map'")]
    [InlineData("""{"weight_map":{"a":1}}""", "names no file for tensor 'a'")]
    [InlineData("""{"weight_map":{"a":"x","a":"y"}}""", "names tensor 'a' twice")]
    public void An_index_that_is_none_is_refused(string json, string complaint)
    {
        File.WriteAllText(_folder.PathOf(Index), json);
        AssertRefused(complaint);
    }

    private void WriteIndex(params (string Key, string Shard)[] map) => File.WriteAllText(
        _folder.PathOf(Index), JsonSerializer.Serialize(new { weight_map = map.ToDictionary(pair => pair.Key, pair => pair.Shard) }));

    private void AssertRefused(string complaint)
    {
        var error = Assert.Throws<InvalidDataException>(() => Checkpoint.Open(_folder.Path, ModelComponent.Transformer));
        Assert.Contains(complaint, error.Message, StringComparison.Ordinal);
    }
}
