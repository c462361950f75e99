using FluxGrpc.Checkpoints;
using FluxGrpc.Scenes;
using FluxGrpc.Torch;
using FluxGrpc.Vae.Model;
using static TorchSharp.torch;

namespace FluxGrpc.Benchmarks;

/// <summary>How far pictures that were decoded in tiles are from those that were decoded at once.</summary>
internal static class VaeTilesBenchmark
{
    public static void Run(string checkpointFolder, int side, int pictures)
    {
        using var noGradients = inference_mode();
        using var scope = NewDisposeScope();
        using var checkpoint = Checkpoint.Open(checkpointFolder, ModelComponent.Vae);
        var config = AutoEncoderConfig.Read(checkpoint);
        using var network = new AutoEncoder(config, META);
        checkpoint.LoadInto(network, ComputeDevice.Open("cpu", "float32"));

        Console.WriteLine($"VAE tiles: {pictures} pictures of {side}x{side} pixels against the same decoded at once");
        foreach (var tile in new[] { side * 3 / 4, side / 2, side * 3 / 8 })
        {
            var tiles = new PictureTiles(config.DownscaleFactor, (long)tile * tile);
            var (rows, columns) = tiles.Layout(side / config.DownscaleFactor, side / config.DownscaleFactor);
            var (sum, most, scenes) = (0.0, 0.0, new SceneGenerator(seed: 5));
            for (var i = 0; i < pictures; i++)
            {
                using var pictureScope = NewDisposeScope();
                var latents = network.Encode(ToTensor(ShapeRenderer.Render(scenes.Next(side, side, shareOfTwo: 0.5, heldOut: true))));
                var difference = (tiles.Decode(latents, network.Decode) - network.Decode(latents)).abs() * 127.5;
                sum += difference.mean().item<float>();
                most = Math.Max(most, difference.max().item<float>());
            }

            Console.WriteLine(FormattableString.Invariant($"  {rows.Length} x {columns.Length} tiles of at most {tile}x{tile}: ")
                + FormattableString.Invariant($"mean difference {sum / pictures:F3} of 255, largest {most:F1}"));
        }
    }

    private static Tensor ToTensor(RgbImage picture) => (tensor(picture.Pixels, [picture.Height, picture.Width, 3])
        .permute(2, 0, 1).unsqueeze(0).to(ScalarType.Float32) / 127.5) - 1;
}
