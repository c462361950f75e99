using System.Diagnostics;
using System.Globalization;

namespace FluxGrpc.ChaosTests.Cables;

/// <summary>
/// A Linux network namespace as the far host and a veth pair as the cable. Pulled by taking the far interface down: the near one
/// loses its carrier, as with a real plug. Needs root and iproute2.
/// </summary>
internal sealed class NamespaceCable : ICable
{
    private const string FarInterface = "eth0";
    private const int NetworksForTests = 8192;

    private readonly string _namespace;
    private readonly string _nearInterface;
    private readonly string _network;

    private NamespaceCable(int number)
    {
        // The process's id keeps runs side by side apart; 198.18.0.0/15 is set aside for tests of networks.
        var id = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId % NetworksForTests}-{number}");
        var block = (Environment.ProcessId % NetworksForTests * 16) + (4 * number);
        _namespace = $"flux-{id}";
        _nearInterface = $"flux{id}";
        _network = string.Create(CultureInfo.InvariantCulture, $"198.{18 + (block >> 16)}.{(block >> 8) & 255}.");
        NearHost = $"{_network}{(block & 255) + 1}";
        FarHost = $"{_network}{(block & 255) + 2}";
    }

    /// <inheritdoc/>
    public string Description => $"network namespace {_namespace}, veth {NearHost} - {FarHost}";

    /// <inheritdoc/>
    public string ListenAddress => $"http://{FarHost}:0";

    /// <inheritdoc/>
    public IReadOnlyList<string> Wrapper => ["ip", "netns", "exec", _namespace];

    private string NearHost { get; }

    private string FarHost { get; }

    /// <summary>Lays a cable.</summary>
    /// <param name="number">Its number in this process, 0 to 3.</param>
    /// <returns>Null where the machine does not allow it.</returns>
    public static NamespaceCable? TryCreate(int number)
    {
        var cable = new NamespaceCable(number);
        if (!OperatingSystem.IsLinux() || !TryRun("netns", "add", cable._namespace))
            return null;
        if (cable.TryLay())
            return cable;
        cable.Remove();
        return null;
    }

    /// <inheritdoc/>
    public string AddressForCallers(string listening) => listening;

    /// <inheritdoc/>
    public void Pull() => Run("-n", _namespace, "link", "set", FarInterface, "down");

    /// <inheritdoc/>
    public void PlugIn() => Run("-n", _namespace, "link", "set", FarInterface, "up");

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Remove();
        return ValueTask.CompletedTask;
    }

    private bool TryLay() =>
        TryRun("link", "add", _nearInterface, "type", "veth", "peer", "name", FarInterface, "netns", _namespace)
        && TryRun("address", "add", $"{NearHost}/30", "dev", _nearInterface)
        && TryRun("link", "set", _nearInterface, "up")
        && TryRun("-n", _namespace, "address", "add", $"{FarHost}/30", "dev", FarInterface)
        && TryRun("-n", _namespace, "link", "set", FarInterface, "up")
        && TryRun("-n", _namespace, "link", "set", "lo", "up");

    /// <summary>The veth pair goes with the namespace that holds one end of it.</summary>
    private void Remove() => TryRun("netns", "delete", _namespace);

    private static void Run(params string[] arguments)
    {
        if (!TryRun(arguments))
            throw new InvalidOperationException($"ip {string.Join(' ', arguments)} failed");
    }

    private static bool TryRun(params string[] arguments)
    {
        try
        {
            using var ip = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
            ip.StandardError.ReadToEnd();
            ip.WaitForExit();
            return ip.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // There is no ip.
        }
    }
}
