using FluxGrpc.Checkpoints;
using FluxGrpc.Hosting;
using FluxGrpc.Torch;
using FluxGrpc.V1;
using FluxGrpc.Vae.Model;
using TorchSharp;

namespace FluxGrpc.Vae;

/// <summary>A loaded autoencoder and the thread that computes with it.</summary>
internal sealed class VaeModel : IDisposable
{
    private readonly AutoEncoder _network;
    private readonly ComputeThread _thread;
    private readonly ComputeDevice _device;
    private readonly TimeProvider _time;
    private readonly PictureTiles _tiles;

    private VaeModel(AutoEncoder network, ComputeThread thread, ComputeDevice device, TimeProvider time,
        PictureTiles tiles, PictureLimits limits, VaeServiceGetModelInfoResponse info)
    {
        _network = network;
        _thread = thread;
        _device = device;
        _time = time;
        _tiles = tiles;
        Limits = limits;
        Info = info;
    }

    /// <summary>Which pictures it takes.</summary>
    public PictureLimits Limits { get; }

    /// <summary>What it is, for callers; do not change it.</summary>
    public VaeServiceGetModelInfoResponse Info { get; }

    /// <summary>Loads the checkpoint that the options name and computes once in each direction.</summary>
    /// <exception cref="InvalidDataException">The checkpoint is not an autoencoder that this service can run.</exception>
    public static async Task<VaeModel> LoadAsync(
        VaeOptions options, ComputeDevice device, TimeProvider time, LoadingLog loading, CancellationToken cancellation)
    {
        var thread = new ComputeThread();
        try
        {
            return await thread.RunAsync(() => Load(options, device, time, thread, loading, cancellation), cancellation);
        }
        catch
        {
            thread.Dispose();
            throw;
        }
    }

    /// <summary>Decodes latents to pixels in the type asked for; the caller disposes them.</summary>
    public Task<(OutgoingTensor Pixels, TimeSpan Elapsed)> DecodeAsync(DecodeInput input, CancellationToken cancellation) =>
        _thread.RunAsync(() =>
        {
            var started = _time.GetTimestamp();
            var latents = TensorConversion.ToTorch(input.Latents, _device.Device, torch.ScalarType.Float32);
            if (input.Grid is { } grid)
                latents = LatentPacking.Unpack(latents, grid.Rows, grid.Columns);
            var image = _tiles.Decode(latents, _network.Decode, cancellation);            // [1, 3, H, W]
            var pixels = input.Pixels == DataType.Uint8 ? PixelConversion.ToBytes(image) : image.to(torch.ScalarType.Float32);
            return (TensorConversion.ToMessage(pixels), _time.GetElapsedTime(started));
        }, cancellation);

    /// <summary>Encodes pixels to latents, and to moments where asked for; the caller disposes them.</summary>
    public Task<(OutgoingTensor Latents, OutgoingTensor? Moments, TimeSpan Elapsed)> EncodeAsync(
        EncodeInput input, CancellationToken cancellation) => _thread.RunAsync(() =>
        {
            var started = _time.GetTimestamp();
            var moments = _tiles.Encode(ToImage(input.Pixels), _network.EncodeMoments, cancellation);    // [1, 2Z, H/8, W/8]
            var latents = TensorConversion.ToMessage(_network.ToLatents(moments));
            var sentMoments = input.IncludeMoments ? TensorConversion.ToMessage(moments.to(torch.ScalarType.Float32)) : null;
            return (latents, sentMoments, _time.GetElapsedTime(started));
        }, cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        _thread.Dispose();
        _network.Dispose();
    }

    private torch.Tensor ToImage(V1.Tensor pixels)
    {
        if (pixels.DataType == DataType.Float32)
            return TensorConversion.ToTorch(pixels, _device.Device, torch.ScalarType.Float32);
        var bytes = TensorConversion.ToTorch(pixels, _device.Device, torch.ScalarType.Byte);
        return PixelConversion.FromBytes(bytes);
    }

    private static VaeModel Load(VaeOptions options, ComputeDevice device, TimeProvider time, ComputeThread thread,
        LoadingLog loading, CancellationToken cancellation)
    {
        using var checkpoint = Checkpoint.Open(options.Checkpoint, ModelComponent.Vae);
        var config = AutoEncoderConfig.Read(checkpoint);
        var network = new AutoEncoder(config, torch.META, device.Kernels);
        try
        {
            checkpoint.LoadInto(network, device, loading.Note, cancellation);
            WarmUp(network, config, device);
            var limits = new PictureLimits(config.LatentChannels, config.DownscaleFactor, options.MaxPixels);
            var tiles = new PictureTiles(config.DownscaleFactor, options.MaxTilePixels);
            return new VaeModel(network, thread, device, time, tiles, limits, Describe(checkpoint, config, device, network, options));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>The first computation chooses kernels and allocates workspace: callers need not wait for that.</summary>
    private static void WarmUp(AutoEncoder network, AutoEncoderConfig config, ComputeDevice device)
    {
        using var scope = torch.NewDisposeScope();
        const int Patches = 4;
        var side = Patches * config.PixelMultiple;
        network.call(torch.zeros(1, AutoEncoderConfig.ImageChannels, side, side, device: device.Device));
    }

    /// <summary>What the network computes beyond its weights.</summary>
    private static string Variant(AutoEncoderConfig config, VaeOptions options) => FormattableString.Invariant(
        $"vae, {config.NormGroups} groups, scale {config.ScalingFactor}, shift {config.ShiftFactor}, tiles {options.MaxTilePixels}");

    private static VaeServiceGetModelInfoResponse Describe(
        Checkpoint checkpoint, AutoEncoderConfig config, ComputeDevice device, AutoEncoder network, VaeOptions options) => new()
        {
            Component = new ComponentInfo
            {
                ModelName = checkpoint.Name,
                ParameterCount = network.parameters().Sum(parameter => parameter.numel()),
                ComputeDataType = TensorConversion.ToDataType(device.Type),
                Device = device.Name,
                ComputeKernels = device.Kernels.Name,
                Fingerprint = checkpoint.Fingerprint(Variant(config, options), device),
                CheckpointLayout = checkpoint.Layout.WireName(),
                MaxMessageBytes = options.MaxMessageBytes,
                RandomWeights = checkpoint.Config.TryGetBool("_random_weights") ?? false,
            },
            LatentChannels = (int)config.LatentChannels,
            DownscaleFactor = config.DownscaleFactor,
            ScalingFactor = (float)config.ScalingFactor,
            ShiftFactor = (float)config.ShiftFactor,
            SampleSize = config.SampleSize,
            MaxPixels = options.MaxPixels,
            LatentColors = config.LatentColors is { } colors
                ? new V1.LatentColors
                {
                    Factors = { colors.Factors.SelectMany(row => row).Select(factor => (float)factor) },
                    Bias = { colors.Bias.Select(bias => (float)bias) },
                }
                : null,
        };
}
