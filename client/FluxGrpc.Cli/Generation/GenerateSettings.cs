using FluxGrpc.Client;
using FluxGrpc.LocalCluster;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Generation;

/// <summary>What <c>flux generate</c> was asked for.</summary>
/// <param name="Request">The order; what the user left out is left out.</param>
/// <param name="Output">The image file; see <see cref="OutputNames"/> for several.</param>
/// <param name="Record">The recording's file, or null.</param>
/// <param name="Server">A server that runs, or null.</param>
/// <param name="Embedded">Services to start where no server is named.</param>
/// <param name="FollowUps">For a request that goes on without the command; else null.</param>
internal sealed record GenerateSettings(GenerateRequest Request, string Output, string? Record, FluxClientOptions? Server,
    EmbeddedClusterOptions Embedded, FollowUps? FollowUps);
