using FluxGrpc.Channels;
using FluxGrpc.Denoiser;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator;
using FluxGrpc.Orchestrator.Images;
using FluxGrpc.Testing;
using FluxGrpc.TextEncoder;
using FluxGrpc.V1;
using FluxGrpc.Vae;
using Grpc.Net.Client;
using ImageMagick;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;
using ImageGenerationClient = FluxGrpc.V1.ImageGenerationService.ImageGenerationServiceClient;

namespace FluxGrpc.GoldenTests.Orchestrator;

/// <summary>Prompt in, PNG out: the four real services on the embedded checkpoint, over Unix sockets.</summary>
public sealed class EndToEndTests : IAsyncLifetime
{
    private readonly string _checkpoint = Path.Combine(AppContext.BaseDirectory, "checkpoint");
    private readonly TemporaryFolder _sockets = new();
    private readonly List<WebApplication> _apps = [];
    private GrpcChannel _channel = null!;
    private ImageGenerationClient _client = null!;

    public async Task InitializeAsync()
    {
        var textEncoder = Configure(new TextEncoderOptions(), "text-encoder");
        var denoiser = Configure(new DenoiserOptions(), "denoiser");
        var vae = Configure(new VaeOptions(), "vae");
        var orchestrator = new OrchestratorOptions
        {
            Address = $"unix:{_sockets.PathOf("orchestrator")}",
            TextEncoder = textEncoder.Address,
            Denoiser = denoiser.Address,
            Vae = vae.Address,
            WebAddress = OrchestratorOptions.NoWeb,
            LogLevel = LogLevel.Error,
        };
        _apps.AddRange([OrchestratorServer.Build(orchestrator), TextEncoderServer.Build(textEncoder),
            DenoiserServer.Build(denoiser), VaeServer.Build(vae)]);
        foreach (var app in _apps)
            await app.StartAsync();
        await _apps[0].Services.GetRequiredService<IModelReadiness>().Ready;
        _channel = ServiceChannel.Create(ServiceAddress.Parse(orchestrator.Address));
        _client = new ImageGenerationClient(_channel);
    }

    public async Task DisposeAsync()
    {
        _channel.Dispose();
        foreach (var app in _apps)
            await app.DisposeAsync();
        _sockets.Dispose();
    }

    [Fact]
    public async Task A_prompt_becomes_the_same_png_each_time()
    {
        var first = await GenerateAsync(Request());
        var again = await GenerateAsync(Request());

        var image = first.Single(response => response.Image is not null).Image;
        Assert.Equal(image.Data, again.Single(response => response.Image is not null).Image.Data);
        using var picture = new MagickImage(image.Data.Span);
        Assert.Equal((96u, 64u), (picture.Width, picture.Height));
        Assert.Equal("a red circle left of a blue square", PngMetadata.Read(image.Data.Span)["prompt"]);
        Assert.Equal(3, first.Count(response => response.Step is not null));
    }

    [Fact]
    public async Task A_caller_who_leaves_in_the_middle_leaves_no_session_and_no_tensor_behind()
    {
        await GenerateAsync(Request());
        var before = await LoadAsync();
        var request = Request();
        request.Steps = 100;
        using (var call = _client.Generate(request))
        {
            while (call.ResponseStream.Current?.Step is null)
                Assert.True(await call.ResponseStream.MoveNext(default));
            Assert.Equal(1, (await LoadAsync()).Sessions);
        }

        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        var after = await LoadAsync();
        while (after.Sessions > 0 || after.LiveTensors > before.LiveTensors)
        {
            Assert.False(patience.IsCancellationRequested, $"{after.Sessions} sessions, {after.LiveTensors} tensors are left");
            after = await LoadAsync();
        }

        Assert.InRange(after.StepsDone - before.StepsDone, 1, 99);
    }

    private TOptions Configure<TOptions>(TOptions options, string name)
        where TOptions : ModelServiceOptions
    {
        options.Address = $"unix:{_sockets.PathOf(name)}";
        options.Checkpoint = _checkpoint;
        options.Dtype = "float32";
        options.LogLevel = LogLevel.Error;
        return options;
    }

    private async Task<GetLoadResponse> LoadAsync() =>
        (await _client.GetStatusAsync(new())).Components.Single(component => component.Component == "denoiser").Load;

    private async Task<List<GenerateResponse>> GenerateAsync(GenerateRequest request)
    {
        using var call = _client.Generate(request);
        var events = new List<GenerateResponse>();
        while (await call.ResponseStream.MoveNext(default))
            events.Add(call.ResponseStream.Current);
        return events;
    }

    private static GenerateRequest Request() => new()
    {
        Prompt = "a red circle left of a blue square",
        Width = 96,
        Height = 64,
        Steps = 3,
        Seed = 7,
    };
}
