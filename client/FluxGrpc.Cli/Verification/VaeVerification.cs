using FluxGrpc.V1;

namespace FluxGrpc.Cli.Verification;

/// <summary>The autoencoder, both directions.</summary>
internal sealed class VaeVerification(string model, ReferenceFolder folder, VerifiedServices services) : IVerification
{
    private readonly string _weights = $"{model}.safetensors";
    private readonly string _numbers = $"{model}_io.safetensors";

    public string Name => model;

    public string? Obstacle => folder.FirstMissing(_weights, _numbers) is { } missing ? $"{missing} is not there" : null;

    public async Task RunAsync(VerificationReport report, CancellationToken cancellation)
    {
        using var checkpoint = new TemporaryCheckpoint().AddModel("vae", folder.ConfigOf(model), folder.PathOf(_weights));
        using var numbers = folder.Open(_numbers);
        await using var vae = await services.StartVaeAsync(checkpoint, cancellation);
        var client = new VaeService.VaeServiceClient(vae.Channel);
        var tolerances = services.Tolerances;

        if (numbers.Tensors.ContainsKey("z"))
        {
            var decoded = await DecodeAsync(client, FloatArray.Read(numbers, "z"), cancellation);
            report.Compare($"{model}.decoded", decoded, FloatArray.Read(numbers, "decoded"), tolerances.DecodedPixels);
        }

        if (numbers.Tensors.ContainsKey("image"))
        {
            var (encoded, moments) = await EncodeAsync(client, FloatArray.Read(numbers, "image"), cancellation);
            var (mean, logvar) = Halves(moments);
            report.Compare($"{model}.moments", moments, FloatArray.Read(numbers, "moments"), tolerances.Moments);
            report.Compare($"{model}.mean", mean, FloatArray.Read(numbers, "mean"), tolerances.Moments);
            report.Compare($"{model}.logvar", logvar, FloatArray.Read(numbers, "logvar"), tolerances.Moments);
            report.Compare($"{model}.encoded", encoded, FloatArray.Read(numbers, "encoded"), tolerances.EncodedLatents);
        }
    }

    private static async Task<FloatArray> DecodeAsync(
        VaeService.VaeServiceClient client, FloatArray latents, CancellationToken cancellation)
    {
        var images = new List<FloatArray>();
        for (var element = 0; element < latents.Count; element++)
        {
            var request = new DecodeRequest { Latents = latents.Element(element).ToMessage(), PixelDataType = DataType.Float32 };
            images.Add(FloatArray.From((await client.DecodeAsync(request, cancellationToken: cancellation)).Pixels));
        }

        return FloatArray.Stack(images);
    }

    private static async Task<(FloatArray Latents, FloatArray Moments)> EncodeAsync(
        VaeService.VaeServiceClient client, FloatArray images, CancellationToken cancellation)
    {
        var latents = new List<FloatArray>();
        var moments = new List<FloatArray>();
        for (var element = 0; element < images.Count; element++)
        {
            var request = new VaeServiceEncodeRequest { Pixels = images.Element(element).ToMessage(), IncludeMoments = true };
            var response = await client.EncodeAsync(request, cancellationToken: cancellation);
            latents.Add(FloatArray.From(response.Latents));
            moments.Add(FloatArray.From(response.Moments));
        }

        return (FloatArray.Stack(latents), FloatArray.Stack(moments));
    }

    /// <summary>Mean and log-variance: the halves of the channels [B, 2C, h, w].</summary>
    private static (FloatArray Mean, FloatArray LogVariance) Halves(FloatArray moments)
    {
        FloatArray Half(int which) => FloatArray.Stack([.. Enumerable.Range(0, moments.Count).Select(element =>
        {
            var (shape, values) = moments.Element(element);
            var length = values.Length / 2;
            return new FloatArray([1, shape[1] / 2, .. shape.Skip(2)], values[(which * length)..((which + 1) * length)]);
        })]);
        return (Half(0), Half(1));
    }
}
