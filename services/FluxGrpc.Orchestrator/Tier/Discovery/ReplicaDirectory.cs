using FluxGrpc.Channels;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Client.Balancer;
using Grpc.Net.Client.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace FluxGrpc.Orchestrator.Tier.Discovery;

/// <summary>
/// Finds the addresses behind a target and follows them, by gRPC's own name resolution: resolvers run within channels only, so
/// this is a channel whose balancer hands the addresses out instead of connecting to them.
/// </summary>
internal sealed class ReplicaDirectory : IDisposable
{
    private static readonly Uri _fixedList = new("static:///list");

    // The DNS resolver asks no more often than this by itself.
    private static readonly TimeSpan _dnsInterval = TimeSpan.FromSeconds(15);

    private readonly GrpcChannel _channel;
    private readonly ServiceProvider _factories;
    private readonly CancellationTokenSource _disposed = new();

    /// <param name="target">What to find.</param>
    /// <param name="found">Called with all addresses, at the start and whenever they change or are confirmed.</param>
    /// <param name="failed">Called with what kept the resolver from an answer; the addresses stay as they were.</param>
    /// <param name="time">The clock of the refreshes.</param>
    public ReplicaDirectory(
        ReplicaTarget target, Action<IReadOnlyList<ServiceAddress>> found, Action<string> failed, TimeProvider time)
    {
        _factories = new ServiceCollection()
            .AddSingleton<ResolverFactory>(new DnsResolverFactory(_dnsInterval))
            .AddSingleton<ResolverFactory>(new AddressFileResolverFactory(target.OverTls, time))
            .AddSingleton<ResolverFactory>(new StaticResolverFactory(_ => target.Addresses.Select(DirectoryAddress.Wrap)))
            .AddSingleton<LoadBalancerFactory>(new DirectoryBalancerFactory(target.TlsName, found, failed))
            .BuildServiceProvider();
        _channel = GrpcChannel.ForAddress(target.Dynamic ?? _fixedList, new GrpcChannelOptions
        {
            Credentials = ChannelCredentials.Insecure,
            ServiceProvider = _factories,
            ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig(DirectoryBalancerFactory.Policy) } },
            DisableResolverServiceConfig = true,
            MaxReconnectBackoff = _dnsInterval, // Of the resolver after failures; two minutes otherwise.
        });
    }

    /// <summary>Starts to look; returns after the first answer, good or bad.</summary>
    /// <exception cref="OperationCanceledException">The directory was disposed.</exception>
    public Task StartAsync() => _channel.ConnectAsync(_disposed.Token);

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed.Cancel();
        _channel.Dispose();
        _factories.Dispose();
        _disposed.Dispose();
    }
}
