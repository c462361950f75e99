using System.Runtime.CompilerServices;
using FluxGrpc.Channels;
using FluxGrpc.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Service = FluxGrpc.V1.ImageGenerationService.ImageGenerationServiceClient;

namespace FluxGrpc.Client;

/// <summary>
/// Asks an orchestrator for pictures. Safe for use by several threads at once. Every method throws <see cref="FluxException"/>
/// where the call fails and <see cref="OperationCanceledException"/> where it was cancelled.
/// </summary>
/// <example>
/// <code>
/// await using var flux = FluxClient.Connect("http://localhost:5000");
/// await foreach (var image in flux.GenerateImagesAsync(new GenerateRequest { Prompt = "a red circle left of a blue square" }))
///     await File.WriteAllBytesAsync($"{image.Seed}.png", image.Data.ToByteArray());
/// </code>
/// </example>
public sealed class FluxClient : IDisposable, IAsyncDisposable
{
    private readonly GrpcChannel _channel;
    private readonly Service _service;

    private FluxClient(ServiceAddress address, ChannelSecurity security, ILoggerFactory? logging)
    {
        Address = address.ToString();
        _channel = ServiceChannel.Create(address, security, logging);
        _service = new Service(_channel);
    }

    /// <summary>The orchestrator's address.</summary>
    public string Address { get; }

    /// <summary>Makes a client; nothing is sent before the first call.</summary>
    /// <param name="address"><c>http://host:port</c>, <c>https://host:port</c>, <c>host:port</c> or <c>unix:/path/of.sock</c>.</param>
    /// <param name="logging">Where gRPC tells of the calls; nowhere by default.</param>
    /// <exception cref="FormatException">The address is none of these.</exception>
    public static FluxClient Connect(string address, ILoggerFactory? logging = null) =>
        Connect(new FluxClientOptions { Address = address }, logging);

    /// <summary>Makes a client of a server that asks for an API key, or speaks TLS; nothing is sent before the first call.</summary>
    /// <param name="options">The address, and what the server and the client show each other.</param>
    /// <param name="logging">Where gRPC tells of the calls; nowhere by default.</param>
    /// <exception cref="FormatException">The address is none.</exception>
    /// <exception cref="ArgumentException">The options do not fit the address: a key over plain text, certificates without TLS.</exception>
    /// <exception cref="InvalidDataException">A certificate or its key cannot be read.</exception>
    public static FluxClient Connect(FluxClientOptions options, ILoggerFactory? logging = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new FluxClient(ServiceAddress.Parse(options.Address), options.ToSecurity(), logging);
    }

    /// <summary>
    /// Makes pictures and tells everything on the way: one accepted, its places in the queue where it has to wait, one encoded,
    /// then for each image its steps and the image, and one finished. Images may be made side by side: their events then come mixed,
    /// each with its index. Leaving the loop early stops the work on the server, unless the request is detached: then the same request
    /// finds it again, with all events from the first on.
    /// </summary>
    /// <param name="request">Only the prompt is required; the server fills in what is left out.</param>
    /// <param name="cancellation">Stops the work on the server within one step; ends only the call of a detached request.</param>
    public async IAsyncEnumerable<GenerateResponse> GenerateAsync(
        GenerateRequest request, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var call = _service.Generate(request, cancellationToken: cancellation);
        while (await CallAsync(() => call.ResponseStream.MoveNext(cancellation), cancellation))
            yield return call.ResponseStream.Current;
    }

    /// <summary>Makes pictures, each handed out as soon as it is done.</summary>
    /// <inheritdoc cref="GenerateAsync"/>
    public async IAsyncEnumerable<GeneratedImage> GenerateImagesAsync(
        GenerateRequest request, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        await foreach (var happened in GenerateAsync(request, cancellation))
        {
            if (happened.EventCase == GenerateResponse.EventOneofCase.Image)
                yield return happened.Image;
        }
    }

    /// <summary>Stops a generation, detached or not, within one step; forgets a detached one that has ended.</summary>
    /// <param name="requestId">Its name, as in <see cref="GenerationAccepted.RequestId"/>.</param>
    /// <param name="cancellation">Ends the call.</param>
    public Task CancelGenerationAsync(string requestId, CancellationToken cancellation = default) => CallAsync(
        async () => await _service.CancelGenerationAsync(new() { RequestId = requestId }, cancellationToken: cancellation), cancellation);

    /// <summary>Describes the models behind the server, its defaults and its limits.</summary>
    public Task<ImageGenerationServiceGetModelInfoResponse> GetModelInfoAsync(CancellationToken cancellation = default) =>
        CallAsync(async () => await _service.GetModelInfoAsync(new(), cancellationToken: cancellation), cancellation);

    /// <summary>Shows which services are behind the server and how busy they are.</summary>
    public Task<GetStatusResponse> GetStatusAsync(CancellationToken cancellation = default) =>
        CallAsync(async () => await _service.GetStatusAsync(new(), cancellationToken: cancellation), cancellation);

    /// <summary>Closes the connections; calls in flight are cancelled.</summary>
    public void Dispose() => _channel.Dispose();

    /// <summary>Closes the connections; calls in flight are cancelled.</summary>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<T> CallAsync<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            return await call();
        }
        catch (RpcException exception) when (exception.StatusCode == StatusCode.Cancelled && cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException("The call was cancelled", exception, cancellation);
        }
        catch (RpcException exception)
        {
            throw FluxException.From(exception, Address);
        }
    }
}
