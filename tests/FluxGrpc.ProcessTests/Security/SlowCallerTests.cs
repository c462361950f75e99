using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Xunit;

namespace FluxGrpc.ProcessTests.Security;

/// <summary>Callers who hold on to a service by sending next to nothing.</summary>
[Collection(SecuredServicesTests.Name)]
public sealed class SlowCallerTests(SecuredServices services)
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    [Fact]
    public Task Requests_that_drip_and_connections_that_are_silent_are_cut_off() => Task.WhenAll(
        DripAsync(new Uri(services.Orchestrator.WebAddress + "/api/generate"), HttpVersion.Version11, "application/json"),
        DripAsync(new Uri(services.Orchestrator.Address + "/flux.v1.ImageGenerationService/CancelGeneration"),
            HttpVersion.Version20, "application/grpc"),
        SilenceAsync());

    /// <summary>Sends a request whose body never comes to its end, and waits to be cut off.</summary>
    private async Task DripAsync(Uri address, Version version, string mediaType)
    {
        using var client = services.Browser(services.Key);
        client.Timeout = _patience;
        using var request = new HttpRequestMessage(HttpMethod.Post, address)
        {
            Version = version,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new DrippingContent(mediaType),
        };
        try
        {
            using var answer = await client.SendAsync(request);
            Assert.Equal(HttpStatusCode.RequestTimeout, answer.StatusCode);
        }
        catch (HttpRequestException)
        {
            // Cut off without a word. A timeout would have been an OperationCanceledException.
        }
    }

    /// <summary>A connection that never says a word.</summary>
    private async Task SilenceAsync()
    {
        using var connection = new TcpClient();
        var address = new Uri(services.Denoiser.Address);
        await connection.ConnectAsync(address.Host, address.Port);
        using var timeout = new CancellationTokenSource(_patience);
        try
        {
            Assert.Equal(0, await connection.GetStream().ReadAsync(new byte[1], timeout.Token));
        }
        catch (IOException)
        {
            // Cut off hard.
        }
    }

    /// <summary>A byte a second, of a message of gRPC that is said to have 1000.</summary>
    private sealed class DrippingContent : HttpContent
    {
        private static readonly byte[] _prefix = [0, 0, 0, 3, 232];

        public DrippingContent(string mediaType) => Headers.ContentType = new MediaTypeHeaderValue(mediaType);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(_prefix);
            while (true)
            {
                await stream.WriteAsync("{"u8.ToArray());
                await stream.FlushAsync();
                await Task.Delay(TimeSpan.FromSeconds(1));
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
