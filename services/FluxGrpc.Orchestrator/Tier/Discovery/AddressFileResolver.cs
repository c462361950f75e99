using FluxGrpc.Channels;
using Grpc.Core;
using Grpc.Net.Client.Balancer;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Tier.Discovery;

/// <summary>
/// Resolves a file to the addresses in it (see <see cref="AddressList"/>) and follows it: it is read again every second, which
/// also sees files that were renamed over it and links that were turned. A changed text counts once two readings agree, so that
/// a file is not taken while it is being written; a text that is no list, or a file that is gone, leaves the list as it was.
/// </summary>
internal sealed class AddressFileResolver(string path, bool overTls, TimeProvider time, ILoggerFactory loggers) : PollingResolver(loggers)
{
    private const int MaxBytes = 1 << 20;

    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    /// <summary>Never ends by itself: one resolution follows the file for as long as the resolver lives.</summary>
    protected override async Task ResolveAsync(CancellationToken cancellationToken)
    {
        string? taken = null, before = null;
        while (true)
        {
            var text = Read(out var problem);
            if (text != taken && (taken is null || text == before))
            {
                taken = text;
                Listener(Resolve(text, problem));
            }

            before = text;
            await Task.Delay(_interval, time, cancellationToken);
        }
    }

    private string Read(out string? problem)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var bytes = new byte[MaxBytes + 1];
            var count = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            problem = count > MaxBytes ? $"it has more than {MaxBytes} bytes" : null;
            return System.Text.Encoding.UTF8.GetString(bytes.AsSpan(0, count));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problem = "it cannot be read";
            return exception.Message; // Told once for as long as it stays the same.
        }
    }

    private ResolverResult Resolve(string text, string? problem)
    {
        IReadOnlyList<ServiceAddress>? addresses = null;
        return problem is null && AddressList.TryParse(text, out addresses, out problem, overTls)
            ? ResolverResult.ForResult([.. addresses.Select(DirectoryAddress.Wrap)])
            : ResolverResult.ForFailure(new Status(StatusCode.Unavailable, $"The list of addresses is not used: {problem}"));
    }
}
