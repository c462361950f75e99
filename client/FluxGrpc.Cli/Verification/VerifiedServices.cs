using FluxGrpc.Channels;
using FluxGrpc.Denoiser;
using FluxGrpc.Hosting;
using FluxGrpc.LocalCluster;
using FluxGrpc.TextEncoder;
using FluxGrpc.Vae;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Cli.Verification;

/// <summary>Starts the real services on a reference folder's weights.</summary>
/// <param name="device">Where they compute.</param>
/// <param name="dtype">What they multiply in.</param>
/// <param name="kernels">How they compute.</param>
internal sealed class VerifiedServices(string device, string dtype, string kernels) : IDisposable
{
    private readonly SocketFolder _sockets = new();

    /// <summary>How far the services may be from the reference.</summary>
    public Tolerances Tolerances => dtype == "float32" ? Tolerances.Float32 : Tolerances.Bfloat16;

    /// <summary>Starts a denoiser.</summary>
    public Task<VerifiedService> StartDenoiserAsync(TemporaryCheckpoint checkpoint, CancellationToken cancellation) =>
        StartAsync(new DenoiserOptions(), DenoiserServer.Build, checkpoint, cancellation);

    /// <summary>Starts a VAE.</summary>
    public Task<VerifiedService> StartVaeAsync(TemporaryCheckpoint checkpoint, CancellationToken cancellation) =>
        StartAsync(new VaeOptions(), VaeServer.Build, checkpoint, cancellation);

    /// <summary>Starts a text encoder, whose tokenizers may have more entries than its small models have.</summary>
    public Task<VerifiedService> StartTextEncoderAsync(TemporaryCheckpoint checkpoint, CancellationToken cancellation) =>
        StartAsync(new TextEncoderOptions { AllowVocabularyMismatch = true }, TextEncoderServer.Build, checkpoint, cancellation);

    public void Dispose() => _sockets.Dispose();

    private async Task<VerifiedService> StartAsync<TOptions>(
        TOptions options, Func<TOptions, WebApplication> build, TemporaryCheckpoint checkpoint, CancellationToken cancellation)
        where TOptions : ModelServiceOptions
    {
        options.Address = _sockets.AddressOf(typeof(TOptions).Name);
        options.Checkpoint = checkpoint.Folder;
        options.Device = device;
        options.Dtype = dtype;
        options.Kernels = kernels;
        options.LogLevel = LogLevel.Error;
        var service = await EmbeddedService.StartAsync(options, build, cancellation);
        return new VerifiedService(service, ServiceChannel.Create(ServiceAddress.Parse(service.Address)));
    }
}
