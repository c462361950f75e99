using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>A kind of service behind the orchestrator.</summary>
/// <param name="Name">Its name, as callers know it: "denoiser".</param>
/// <param name="AskModelAsync">Asks a replica for its model.</param>
internal sealed record ServiceKind(string Name, Func<ChannelBase, CallOptions, Task<ReplicaModel>> AskModelAsync)
{
    /// <summary>Prompts to conditioning.</summary>
    public static ServiceKind TextEncoder { get; } = new("text-encoder", async (channel, options) =>
    {
        var info = await new TextEncoderService.TextEncoderServiceClient(channel).GetModelInfoAsync(new(), options);
        info.Component ??= new ComponentInfo();
        return new ReplicaModel(info.Component.Fingerprint, info);
    });

    /// <summary>Latents to velocity.</summary>
    public static ServiceKind Denoiser { get; } = new("denoiser", async (channel, options) =>
    {
        var info = await new DenoiserService.DenoiserServiceClient(channel).GetModelInfoAsync(new(), options);
        info.Component ??= new ComponentInfo();
        return new ReplicaModel(info.Component.Fingerprint, info);
    });

    /// <summary>Latents to pixels.</summary>
    public static ServiceKind Vae { get; } = new("vae", async (channel, options) =>
    {
        var info = await new VaeService.VaeServiceClient(channel).GetModelInfoAsync(new(), options);
        info.Component ??= new ComponentInfo();
        return new ReplicaModel(info.Component.Fingerprint, info);
    });
}
