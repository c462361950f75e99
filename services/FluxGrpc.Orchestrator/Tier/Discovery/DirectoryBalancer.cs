using FluxGrpc.Channels;
using Grpc.Core;
using Grpc.Net.Client.Balancer;

namespace FluxGrpc.Orchestrator.Tier.Discovery;

/// <summary>Balances nothing: passes on what the resolver finds. The channel around it makes no calls.</summary>
internal sealed class DirectoryBalancer(
    IChannelControlHelper channel, string? tlsName, Action<IReadOnlyList<ServiceAddress>> found, Action<string> failed) : LoadBalancer
{
    /// <inheritdoc/>
    public override void UpdateChannelState(ChannelState state)
    {
        // Starting a channel waits for this state.
        channel.UpdateState(new BalancerState(ConnectivityState.Ready, new NoCalls()));
        if (state.Status.StatusCode == StatusCode.OK)
            found([.. (state.Addresses ?? []).Select(address => DirectoryAddress.Unwrap(address, tlsName)).Distinct()]);
        else
            failed(state.Status.Detail);
    }

    /// <inheritdoc/>
    public override void RequestConnection()
    {
    }

    private sealed class NoCalls : SubchannelPicker
    {
        public override PickResult Pick(PickContext context) =>
            PickResult.ForDrop(new Status(StatusCode.Internal, "This channel only finds addresses"));
    }
}
