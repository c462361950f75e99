using FluxGrpc.Denoiser.Model;
using FluxGrpc.Tensors;
using FluxGrpc.Testing.Processes;
using FluxGrpc.Torch;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks;

/// <summary>
/// Seconds of a denoise step in process, over gRPC on a Unix socket and over gRPC on TCP, round by round in one run: the ratio is the
/// price of the split. The machine's own matrix rate is measured in the same rounds.
/// </summary>
internal static class StepBenchmark
{
    public static async Task RunAsync(string checkpoint, string device, string dtype, int side, int textTokens, int rounds)
    {
        var grid = side / 16;
        var computeDevice = ComputeDevice.Open(device, dtype);
        using var thread = new ComputeThread();
        using var local = await thread.RunAsync(() => LocalStep.Load(checkpoint, computeDevice, grid, textTokens));
        var socket = Path.Combine(Path.GetTempPath(), $"flux-bench-{Environment.ProcessId}.sock");
        string[] arguments = ["--checkpoint", checkpoint, "--device", device, "--dtype", dtype];
        await using var overUnix = await ServiceProcess.StartAsync("FluxGrpc.Denoiser", [.. arguments, "--address", $"unix:{socket}"]);
        await using var overTcp = await ServiceProcess.StartAsync("FluxGrpc.Denoiser", [.. arguments, "--address", "http://127.0.0.1:0"]);
        await overUnix.WaitUntilServingAsync();
        await overTcp.WaitUntilServingAsync();
        using var unixSession = await RemoteStep.OpenAsync(overUnix, local.Config, grid, textTokens, rounds + 1);
        using var tcpSession = await RemoteStep.OpenAsync(overTcp, local.Config, grid, textTokens, rounds + 1);

        Sample inProcess = new("in process"), unix = new("gRPC, Unix socket"), tcp = new("gRPC, TCP"), matrix = new("matrix product");
        using var product = await thread.RunAsync(() => new MatrixProduct(computeDevice));
        (Sample Sample, Func<Task> Run)[] runs =
        [
            (inProcess, () => thread.RunAsync(local.Run)),
            (unix, unixSession.RunAsync),
            (tcp, tcpSession.RunAsync),
            (matrix, () => thread.RunAsync(product.Run)),
        ];
        foreach (var (_, run) in runs)
            await run(); // The first of each is slow.
        for (var round = 0; round < rounds; round++)
        {
            // Another one begins each round: none profits from always coming after the same one.
            for (var i = 0; i < runs.Length; i++)
            {
                var (sample, run) = runs[(round + i) % runs.Length];
                await sample.TakeAsync(run);
            }
        }

        var flops = StepCost.Flops(local.Config, (long)grid * grid, textTokens);
        var sizes = local.Config;
        Console.WriteLine($"step: {sizes.HiddenSize} wide, {sizes.DoubleBlockCount} + {sizes.SingleBlockCount} blocks, "
            + $"{side}x{side} pixels, {textTokens} text tokens, {computeDevice.TypeName} on {computeDevice.Name}, {rounds} rounds");
        foreach (var sample in new[] { inProcess, unix, tcp })
        {
            Console.WriteLine(FormattableString.Invariant(
                $"  {sample.Name,-18} {sample.Median,7:F3} s (least {sample.Least:F3}, most {sample.Most:F3})")
                + FormattableString.Invariant($"  ratio {sample.RatioTo(inProcess):F3}"));
        }

        var stepRate = flops / inProcess.Median / 1e9;
        var matrixRate = MatrixProduct.Flops / matrix.Median / 1e9;
        Console.WriteLine(FormattableString.Invariant(
            $"  {flops / 1e9:F0} GFLOP a step: {stepRate:F0} GFLOP/s; matrix product {MatrixProduct.Shape}: ")
            + FormattableString.Invariant($"{matrixRate:F0} GFLOP/s; share {100 * stepRate / matrixRate:F0} %"));
        Console.WriteLine(FormattableString.Invariant(
            $"  peak resident memory: in process {ResidentMemory.Peak() / 1e9:F2} GB, denoiser process ")
            + FormattableString.Invariant(
                $"{ResidentMemory.Peak(overTcp.ProcessId) / 1e9:F2} GB, checkpoint {local.CheckpointBytes / 1e9:F2} GB"));
    }

    /// <summary>An open session of a denoiser process.</summary>
    private sealed class RemoteStep(AsyncDuplexStreamingCall<DenoiseRequest, DenoiseResponse> call, V1.Tensor latents) : IDisposable
    {
        private int _index;

        public static async Task<RemoteStep> OpenAsync(
            ServiceProcess service, TransformerConfig config, int grid, int textTokens, int steps)
        {
            var call = new DenoiserService.DenoiserServiceClient(service.Channel).Denoise();
            var open = new OpenSession
            {
                SessionId = "benchmark",
                HiddenStates = Noise(1, textTokens, config.ContextSize),
                Pooled = Noise(1, config.PooledSize),
                Grid = new LatentGrid { Rows = grid, Columns = grid },
                Sigmas = { Enumerable.Range(0, steps + 1).Select(i => 1f - (float)i / steps) },
            };
            if (config.TakesGuidance)
                open.Guidance = 3.5f;
            await call.RequestStream.WriteAsync(new DenoiseRequest { Open = open });
            await call.ResponseStream.MoveNext(CancellationToken.None);
            return new RemoteStep(call, Noise(1, grid * grid, config.InChannels));
        }

        public async Task RunAsync()
        {
            var step = new DenoiseStep { Index = _index++, Timestep = 0.5f, Latents = latents };
            await call.RequestStream.WriteAsync(new DenoiseRequest { Step = step });
            await call.ResponseStream.MoveNext(CancellationToken.None);
        }

        public void Dispose() => call.Dispose();

        private static V1.Tensor Noise(params long[] shape)
        {
            var random = new Random(1);
            var values = new float[shape.Aggregate(1L, (product, dimension) => product * dimension)];
            for (var i = 0; i < values.Length; i++)
                values[i] = (float)(2 * random.NextDouble() - 1);
            return TensorMessage.FromFloats(values, shape);
        }
    }
}
