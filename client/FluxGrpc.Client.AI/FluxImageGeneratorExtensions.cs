using FluxGrpc.Client;
using FluxGrpc.Client.AI;

namespace Microsoft.Extensions.AI;

/// <summary>Makes an <see cref="IImageGenerator"/> of a client.</summary>
public static class FluxImageGeneratorExtensions
{
    /// <summary>The server as a generator of images; the client stays the caller's.</summary>
    public static IImageGenerator AsIImageGenerator(this FluxClient client) => new FluxImageGenerator(client);
}
