using FluxGrpc.Denoiser.Model;
using FluxGrpc.Scenes;
using FluxGrpc.Vae.Model;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>
/// Encoded pictures of one size to draw batches from. Each draw adds one while there is room, then replaces one: in the long run
/// as many are seen as if all were fresh, at a fraction of the encoder's time.
/// </summary>
internal sealed class LatentPool : IDisposable
{
    private const int FirstPictures = 256;
    private const int EncodedAtOnce = 8;

    private readonly AutoEncoder _autoEncoder;
    private readonly SceneGenerator _generator;
    private readonly Device _device;
    private readonly (int Width, int Height) _size;
    private readonly Scene[] _scenes;
    private readonly Tensor _latents;
    private readonly Random _random;
    private int _filled;

    /// <param name="autoEncoder">Encodes.</param>
    /// <param name="size">Size of the pictures in pixels.</param>
    /// <param name="capacity">Pictures to keep.</param>
    /// <param name="seed">Seed of scenes and draws.</param>
    /// <param name="device">Where to compute.</param>
    public LatentPool(AutoEncoder autoEncoder, (int Width, int Height) size, int capacity, int seed, Device device)
    {
        (_autoEncoder, _size, _device) = (autoEncoder, size, device);
        _generator = new SceneGenerator(seed, MiniModel.Figures);
        _random = new Random(seed);
        _scenes = new Scene[capacity];
        var (rows, columns) = (size.Height / MiniModel.PixelsPerToken, size.Width / MiniModel.PixelsPerToken);
        _latents = empty([capacity, rows * columns, MiniModel.Transformer.InChannels], ScalarType.BFloat16, device)
            .DetachFromDisposeScope();
        Positions = Rope.Positions(MiniModel.TextTokens, rows, columns, device).DetachFromDisposeScope();
        BatchSize = Math.Max(1, MiniModel.TokensPerBatch / (rows * columns));
    }

    /// <summary>Pictures in a batch, so that all sizes cost alike.</summary>
    public int BatchSize { get; }

    /// <summary>Positions of text and image tokens [1, L + N, 3].</summary>
    public Tensor Positions { get; }

    /// <summary>Scenes and their packed latents [B, N, 64], float32, drawn by lot.</summary>
    /// <param name="shareOfTwo">Probability of two objects in new pictures.</param>
    public (Scene[] Scenes, Tensor Latents) Draw(double shareOfTwo)
    {
        while (_filled < Math.Min(FirstPictures, _scenes.Length))
            Add(EncodedAtOnce, shareOfTwo);
        if (_filled < _scenes.Length)
            Add(1, shareOfTwo);
        else
            Replace(_random.Next(_filled), 1, shareOfTwo);
        var indices = Enumerable.Range(0, BatchSize).Select(_ => _random.NextInt64(_filled)).ToArray();
        using var scope = NewDisposeScope();
        var latents = _latents.index_select(0, tensor(indices, device: _device)).to(ScalarType.Float32);
        return ([.. indices.Select(index => _scenes[index])], latents.MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        _latents.Dispose();
        Positions.Dispose();
    }

    private void Add(int count, double shareOfTwo)
    {
        count = Math.Min(count, _scenes.Length - _filled);
        Replace(_filled, count, shareOfTwo);
        _filled += count;
    }

    private void Replace(int from, int count, double shareOfTwo)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        for (var i = from; i < from + count; i++)
            _scenes[i] = _generator.Next(_size.Width, _size.Height, shareOfTwo, heldOut: false);
        var pictures = PictureTensor.FromPictures([.. _scenes[from..(from + count)].Select(ShapeRenderer.Render)], _device);
        _latents.narrow(0, from, count).copy_(LatentTokens.Pack(_autoEncoder.Encode(pictures)));
    }
}
