using System.Collections.Concurrent;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Grpc.Core;

namespace FluxGrpc.Benchmarks.Simulation;

/// <summary>
/// A SIMULATION of enough VAEs: the same picture after a sleep. It has slopes and grain, so that writing it as PNG costs what a
/// photograph's does.
/// </summary>
internal sealed class SimulatedVae : VaeService.VaeServiceBase
{
    private const int PixelsPerPatch = 16;
    private const int Channels = 3;
    private const int Grain = 12;

    private static readonly TimeSpan _decodeTime = TimeSpan.FromMilliseconds(50);

    private readonly ConcurrentDictionary<(int Width, int Height), Tensor> _pictures = new();

    /// <inheritdoc/>
    public override async Task<DecodeResponse> Decode(DecodeRequest request, ServerCallContext context)
    {
        var (width, height) = request.Grid is { } grid
            ? (grid.Columns * PixelsPerPatch, grid.Rows * PixelsPerPatch)
            : ((int)request.Latents.Shape[3] * PixelsPerPatch / 2, (int)request.Latents.Shape[2] * PixelsPerPatch / 2);
        await Task.Delay(_decodeTime, context.CancellationToken);
        return new DecodeResponse { Pixels = _pictures.GetOrAdd((width, height), size => Draw(size.Width, size.Height)) };
    }

    /// <inheritdoc/>
    public override Task<VaeServiceGetModelInfoResponse> GetModelInfo(
        VaeServiceGetModelInfoRequest request, ServerCallContext context) => Task.FromResult(SimulatedModels.Vae);

    private static Tensor Draw(int width, int height)
    {
        var grain = new Random(1);
        var pixels = new byte[height * width * Channels];
        for (var i = 0; i < pixels.Length; i++)
        {
            var (y, x, channel) = (i / (width * Channels), i / Channels % width, i % Channels);
            var slope = channel switch { 0 => x * 200 / width, 1 => y * 200 / height, _ => (x + y) * 200 / (width + height) };
            pixels[i] = (byte)(slope + grain.Next(Grain));
        }

        return TensorMessage.Wrap(DataType.Uint8, pixels, height, width, Channels);
    }
}
