using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using Xunit;

namespace FluxGrpc.UnitTests.Checkpoints;

public sealed class ComponentConfigTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Values_are_read_by_type_and_absent_ones_are_null()
    {
        var config = Read(
            """{"num_layers":19,"scaling_factor":0.3611,"use_quant_conv":false,"_class_name":"X","axes":[16,56,56],"nothing":null}""");

        Assert.True(config.Exists);
        Assert.Equal(19, config.TryGetInt("num_layers"));
        Assert.Equal(19, config.TryGetDouble("num_layers"));
        Assert.Equal(0.3611, config.TryGetDouble("scaling_factor"));
        Assert.False(config.TryGetBool("use_quant_conv"));
        Assert.Equal("X", config.TryGetString("_class_name"));
        Assert.Equal([16, 56, 56], config.TryGetInts("axes"));
        Assert.Null(config.TryGetInt("nothing"));
        Assert.Null(config.TryGetInts("absent"));
    }

    [Fact]
    public void Without_a_file_everything_is_absent()
    {
        var config = Read(null);

        Assert.False(config.Exists);
        Assert.Null(config.TryGetInt("num_layers"));
        config.MustAgree("num_layers", 19);
    }

    [Theory]
    [InlineData("\"19\"")]
    [InlineData("19.5")]
    [InlineData("99999999999")]
    [InlineData("[19]")]
    public void A_value_of_another_type_is_an_error_that_names_the_key(string value)
    {
        var config = Read($$"""{"num_layers":{{value}}}""");

        var error = Assert.Throws<InvalidDataException>(() => config.TryGetInt("num_layers"));

        Assert.Equal($"config.json: num_layers must be a whole number, but is {value}", error.Message);
    }

    [Theory]
    [InlineData("{\"a\":1e999}")]
    [InlineData("{\"a\":\"x\"}")]
    [InlineData("{\"a\":[1,\"x\"]}")]
    [InlineData("{\"a\":{}}")]
    public void No_getter_accepts_something_else(string json)
    {
        var config = Read(json);

        Assert.Throws<InvalidDataException>(() => config.TryGetDouble("a"));
        Assert.Throws<InvalidDataException>(() => config.TryGetBool("a"));
        Assert.Throws<InvalidDataException>(() => config.TryGetInts("a"));
    }

    [Fact]
    public void A_size_that_contradicts_the_tensors_is_refused()
    {
        var config = Read("""{"num_layers":19}""");

        config.MustAgree("num_layers", 19);
        var error = Assert.Throws<InvalidDataException>(() => config.MustAgree("num_layers", 2));

        Assert.Equal("config.json says num_layers = 19, but the tensors' shapes say 2", error.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"a\":")]
    public void A_file_that_is_no_JSON_object_stops_the_opening(string json) => Assert.Throws<InvalidDataException>(() => Read(json));

    private ComponentConfig Read(string? json)
    {
        if (json is not null)
            File.WriteAllText(_folder.PathOf("config.json"), json);
        HeaderOnlyFile.Write(_folder.PathOf("model.safetensors"), [("double_blocks.0.a", [1])]);
        using var checkpoint = Checkpoint.Open(_folder.Path, ModelComponent.Transformer);
        return checkpoint.Config;
    }
}
