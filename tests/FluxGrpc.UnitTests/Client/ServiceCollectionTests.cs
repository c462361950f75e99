using FluxGrpc.Client;
using FluxGrpc.Client.AI;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Xunit;

namespace FluxGrpc.UnitTests.Client;

/// <summary>The client in a program with dependency injection.</summary>
public sealed class ServiceCollectionTests
{
    [Fact]
    public void The_client_is_one_and_has_the_address_it_was_given()
    {
        using var services = new ServiceCollection()
            .AddFluxGrpc(options => options.Address = "localhost:7000").BuildServiceProvider();

        var client = services.GetRequiredService<FluxClient>();

        Assert.Equal("http://localhost:7000", client.Address);
        Assert.Same(client, services.GetRequiredService<FluxClient>());
    }

    [Fact]
    public void The_generator_works_with_that_client_and_says_what_it_is()
    {
        using var services = new ServiceCollection().AddFluxImageGenerator().BuildServiceProvider();

        var generator = services.GetRequiredService<IImageGenerator>();

        Assert.IsType<FluxImageGenerator>(generator);
        Assert.Same(services.GetRequiredService<FluxClient>(), generator.GetService<FluxClient>());
        Assert.Same(generator, generator.GetService<IImageGenerator>());
        var metadata = generator.GetRequiredService<ImageGeneratorMetadata>();
        Assert.Equal("fluxgrpc", metadata.ProviderName);
        Assert.Equal(new Uri("http://127.0.0.1:5000"), metadata.ProviderUri);
        Assert.Null(generator.GetService<ImageGeneratorMetadata>("a key"));
        Assert.Null(generator.GetService<HttpClient>());
    }

    [Fact]
    public async Task An_address_that_is_none_ends_a_host_at_its_start()
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Services.AddFluxGrpc(options => options.Address = "ftp://somewhere");
        using var host = builder.Build();

        var exception = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());

        Assert.StartsWith("Address 'ftp://somewhere' is not an address; allowed: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_that_is_none_ends_the_first_use_without_a_host()
    {
        using var services = new ServiceCollection().AddFluxGrpc(options => options.Address = "").BuildServiceProvider();

        Assert.Throws<OptionsValidationException>(services.GetRequiredService<FluxClient>);
    }
}
