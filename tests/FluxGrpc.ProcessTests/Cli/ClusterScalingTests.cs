using System.Diagnostics;
using System.Text.Json;
using FluxGrpc.Client;
using FluxGrpc.V1;
using Xunit;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary><c>flux cluster scale</c> and <c>status</c>, while pictures are made.</summary>
public sealed class ClusterScalingTests
{
    [Fact]
    public async Task Denoisers_come_and_go_while_pictures_are_made_and_none_is_lost()
    {
        await using var cluster = await RunningFluxCluster.StartAsync();
        await using var traffic = new Traffic(cluster.Address, clients: 4);

        var grown = await cluster.ScaleAsync("3");
        await traffic.WaitUntilWorkIsSharedByAsync(denoisers: 3);
        var status = await cluster.StatusAsync();
        var leaving = Denoisers(status).Skip(1).Select(denoiser => Process.GetProcessById(ProcessIdOf(denoiser))).ToList();
        Assert.All(Denoisers(status), denoiser => Assert.InRange(denoiser.GetProperty("stepsDone").GetInt64(), 0, long.MaxValue));
        var shrunk = await cluster.ScaleAsync("1");
        var pictures = await traffic.EndAsync();

        Assert.True(pictures >= 4, $"{pictures} pictures");
        Assert.Equal(["denoiser-2: starting on cpu", "denoiser-3: starting on cpu", "denoisers: 3"],
            grown.Output.Split('\n').Where(line => !line.Contains("serving", StringComparison.Ordinal)));
        Assert.Equal(2, grown.Output.Split('\n').Count(line => line.Contains(": serving, process ", StringComparison.Ordinal)));
        Assert.Equal(["denoiser-2: draining", "denoiser-2: ended", "denoiser-3: draining", "denoiser-3: ended", "denoisers: 1"],
            shrunk.Output.Split('\n').Order(StringComparer.Ordinal));
        await RunningFluxCluster.AssertGoneAsync(leaving);
    }

    [Fact]
    public async Task The_status_is_a_table_once_or_json_for_scripts()
    {
        await using var cluster = await RunningFluxCluster.StartAsync();

        var table = await cluster.RunAsync("status", "--once");
        var redirected = await cluster.RunAsync("status");
        var json = await cluster.StatusAsync();
        var named = await cluster.RunAsync("status", "--once", "--cluster", json.GetProperty("name").GetString()!);
        var misnamed = await cluster.RunAsync("scale", "2", "--cluster", "cluster-of-somebody-else");

        Assert.Equal(0, table.ExitCode);
        Assert.Equal(Names(table), Names(redirected));
        Assert.Equal(Names(table), Names(named));
        Assert.Equal(["text-encoder", "vae", "denoiser-1", "orchestrator"], Names(table));
        Assert.DoesNotContain('\e', table.Output);
        Assert.Equal(Names(table), Services(json).Select(service => service.GetProperty("name").GetString()));
        Assert.Equal(cluster.Address, json.GetProperty("address").GetString());
        Assert.All(Services(json), service =>
        {
            Assert.Equal("serving", service.GetProperty("state").GetString());
            Assert.InRange(service.GetProperty("residentMemoryBytes").GetInt64(), 1L << 20, 64L << 30);
            Assert.Equal(cluster.Children()[service.GetProperty("name").GetString()!].Id, ProcessIdOf(service));
        });
        Assert.Equal(0, Denoisers(json).Single().GetProperty("stepsDone").GetInt64());
        Assert.Equal(1, misnamed.ExitCode);
        Assert.StartsWith(
            "flux: no cluster 'cluster-of-somebody-else' is running here; running: cluster-", misnamed.Error, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Names(FluxProcess run) => run.Output.Split('\n')
        .Where(line => line.StartsWith('│')).Skip(1).Select(line => line.Split('│', StringSplitOptions.TrimEntries)[1]);

    private static JsonElement.ArrayEnumerator Services(JsonElement status) => status.GetProperty("services").EnumerateArray();

    private static IEnumerable<JsonElement> Denoisers(JsonElement status) => Services(status)
        .Where(service => service.GetProperty("name").GetString()!.StartsWith("denoiser-", StringComparison.Ordinal));

    private static int ProcessIdOf(JsonElement service) => service.GetProperty("processId").GetInt32();

    /// <summary>Clients that ask for one picture after the other.</summary>
    private sealed class Traffic : IAsyncDisposable
    {
        private readonly FluxClient _client;
        private readonly CancellationTokenSource _enough = new();
        private readonly Task<int>[] _clients;

        public Traffic(string address, int clients)
        {
            _client = FluxClient.Connect(address);
            _clients = [.. Enumerable.Range(0, clients).Select(_ => AskAsync())];
        }

        /// <summary>Waits until so many denoisers have images at the same time.</summary>
        public async Task WaitUntilWorkIsSharedByAsync(int denoisers)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            while ((await _client.GetStatusAsync(patience.Token)).Components.Count(component => component.Sessions > 0) < denoisers)
                await Task.Yield();
        }

        /// <summary>Lets every client have its last picture; fails where one did not get what it asked for.</summary>
        /// <returns>Number of pictures.</returns>
        public async Task<int> EndAsync()
        {
            await _enough.CancelAsync();
            return (await Task.WhenAll(_clients)).Sum();
        }

        public async ValueTask DisposeAsync()
        {
            await _enough.CancelAsync();
            await _client.DisposeAsync();
            _enough.Dispose();
        }

        private async Task<int> AskAsync()
        {
            var pictures = 0;
            while (!_enough.IsCancellationRequested)
            {
                var request = new GenerateRequest { Prompt = "a red circle", Width = 64, Height = 64, Steps = 8, Seed = 3 };
                var delivered = 0;
                await foreach (var _ in _client.GenerateImagesAsync(request))
                    delivered++;
                Assert.Equal(1, delivered);
                pictures++;
            }

            return pictures;
        }
    }
}
