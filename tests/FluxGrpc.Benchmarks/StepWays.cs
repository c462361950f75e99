using FluxGrpc.Testing;
using FluxGrpc.Torch;
using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>The same step of one transformer with its weights kept in several ways, turn and turn about in one run.</summary>
internal sealed class StepWays : IAsyncDisposable
{
    private readonly ComputeThread _thread = new();
    private readonly List<(Sample Sample, LocalStep Run, Tensor Velocity)> _ways = [];

    /// <summary>Loads the transformer once more.</summary>
    /// <param name="name">Of the way, in the table.</param>
    /// <param name="checkpoint">The transformer's folder.</param>
    /// <param name="device">Where and how to compute.</param>
    /// <param name="side">Width and height in pixels.</param>
    /// <param name="textTokens">Text tokens.</param>
    public async Task AddAsync(string name, string checkpoint, ComputeDevice device, int side, int textTokens) =>
        _ways.Add(await _thread.RunAsync(() =>
        {
            var run = LocalStep.Load(checkpoint, device, side / 16, textTokens);
            return (new Sample(name), run, run.Compute());
        }));

    /// <summary>
    /// Prints a row for each way: time, bytes of the weights, difference from the first way's velocity as a share of its root mean square.
    /// </summary>
    /// <param name="title">What is compared.</param>
    /// <param name="rounds">Rounds; the times are medians.</param>
    public async Task CompareAsync(string title, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            for (var i = 0; i < _ways.Count; i++)
            {
                var (sample, run, _) = _ways[(round + i) % _ways.Count];
                await sample.TakeAsync(() => _thread.RunAsync(run.Run));
            }
        }

        var (first, local, exact) = _ways[0];
        Console.WriteLine($"{title}: {local.Title}, {rounds} rounds");
        var width = _ways.Max(way => way.Sample.Name.Length);
        foreach (var (sample, run, velocity) in _ways)
        {
            var error = Difference.Relative(velocity, exact);
            Console.WriteLine(FormattableString.Invariant(
                $"  {sample.Name.PadRight(width)} {1000 * sample.Median,9:F1} ms, {sample.RatioTo(first):F2} x the time, ")
                + FormattableString.Invariant($"weights {run.WeightBytes / 1e9:F2} GB, off by {error:0.0e+0}"));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _thread.RunAsync(() =>
        {
            foreach (var (_, run, velocity) in _ways)
            {
                run.Dispose();
                velocity.Dispose();
            }

            return 0;
        });
        _thread.Dispose();
    }
}
