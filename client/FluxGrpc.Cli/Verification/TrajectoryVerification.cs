using System.Globalization;
using FluxGrpc.Checkpoints;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace FluxGrpc.Cli.Verification;

/// <summary>A whole image from noise to pixels: the orchestrator's loop over the denoiser's stream, then the VAE.</summary>
internal sealed class TrajectoryVerification(string transformer, string vae, ReferenceFolder folder, VerifiedServices services)
    : IVerification
{
    private const string File = "trajectory.safetensors";

    public string Name => "trajectory";

    public string? Obstacle
    {
        get
        {
            if (folder.FirstMissing(File, $"{transformer}.safetensors", $"{vae}.safetensors") is { } missing)
                return $"{missing} is not there";
            return folder.Trajectory is null ? "configs.json does not have its settings" : null;
        }
    }

    public async Task RunAsync(VerificationReport report, CancellationToken cancellation)
    {
        var settings = TrajectorySettings.Read(folder.Trajectory!.Value);
        using var numbers = folder.Open(File);
        CompareStart(report, numbers, settings);
        var image = new DenoisingImage(settings.Grid, settings.Timesteps(), Pack(FloatArray.Read(numbers, "noise"), settings.Grid));
        await CompareStepsAsync(report, numbers, image, cancellation);
        await ComparePixelsAsync(report, numbers, image, cancellation);
    }

    /// <summary>What the orchestrator makes without a service: noise and timesteps.</summary>
    private void CompareStart(VerificationReport report, SafetensorsFile numbers, TrajectorySettings settings)
    {
        var noise = FloatArray.Read(numbers, "noise");
        var own = new float[noise.Values.Length];
        Noise.Fill(settings.Seed, own);
        report.Compare("trajectory.noise", noise with { Values = own }, noise, services.Tolerances.Noise);
        var timesteps = settings.Timesteps();
        report.Compare("trajectory.timesteps", new FloatArray([timesteps.Length], timesteps), FloatArray.Read(numbers, "timesteps"),
            services.Tolerances.Timesteps);
    }

    private async Task CompareStepsAsync(
        VerificationReport report, SafetensorsFile numbers, DenoisingImage image, CancellationToken cancellation)
    {
        using var checkpoint = new TemporaryCheckpoint()
            .AddModel("transformer", folder.ConfigOf(transformer), folder.PathOf($"{transformer}.safetensors"));
        await using var denoiser = await services.StartDenoiserAsync(checkpoint, cancellation);
        using var session = await OpenAsync(denoiser.Channel, numbers, image, cancellation);
        var tolerances = services.Tolerances;
        await foreach (var step in DenoiseLoop.RunAsync(image, session.PredictVelocityAsync, TimeProvider.System))
        {
            var (latents, velocity) = (Numbered("img", step.Index), Numbered("pred", step.Index));
            report.Compare($"trajectory.{latents}", FloatArray.From(step.Latents), FloatArray.Read(numbers, latents),
                tolerances.TrajectoryLatents);
            report.Compare($"trajectory.{velocity}", FloatArray.From(step.Result.Velocity), FloatArray.Read(numbers, velocity),
                tolerances.TrajectoryVelocity);
        }

        await session.CompleteAsync(cancellation);
        report.Compare("trajectory.final_packed", FloatArray.From(image.LatentsMessage()), FloatArray.Read(numbers, "final_packed"),
            tolerances.TrajectoryLatents);
        report.Compare("trajectory.final_latents", Unpack(image), FloatArray.Read(numbers, "final_latents"), tolerances.TrajectoryLatents);
    }

    private static Task<DenoiserSession> OpenAsync(
        GrpcChannel channel, SafetensorsFile numbers, DenoisingImage image, CancellationToken cancellation)
    {
        if (PositionIds.GridOf(numbers, element: 0) != image.Grid)
            throw new InvalidDataException($"{File} has img_ids of another grid than its settings");
        var opening = new OpenSession
        {
            SessionId = "verify-trajectory",
            HiddenStates = FloatArray.Read(numbers, "txt").ToMessage(),
            Pooled = FloatArray.Read(numbers, "vec").ToMessage(),
            Grid = image.Grid.ToMessage(),
            Sigmas = { image.Timesteps },
        };
        if (numbers.Tensors.ContainsKey("guidance"))
            opening.Guidance = FloatArray.Read(numbers, "guidance").Values[0];
        return DenoiserSession.OpenAsync(
            new DenoiserService.DenoiserServiceClient(channel), opening, new CallOptions(cancellationToken: cancellation));
    }

    private async Task ComparePixelsAsync(
        VerificationReport report, SafetensorsFile numbers, DenoisingImage image, CancellationToken cancellation)
    {
        using var checkpoint = new TemporaryCheckpoint().AddModel("vae", folder.ConfigOf(vae), folder.PathOf($"{vae}.safetensors"));
        await using var decoder = await services.StartVaeAsync(checkpoint, cancellation);
        var client = new VaeService.VaeServiceClient(decoder.Channel);

        async Task<FloatArray> DecodeAsync(DataType type)
        {
            var request = new DecodeRequest { Latents = image.LatentsMessage(), Grid = image.Grid.ToMessage(), PixelDataType = type };
            return FloatArray.From((await client.DecodeAsync(request, cancellationToken: cancellation)).Pixels);
        }

        var decoded = await DecodeAsync(DataType.Float32);
        var clamped = decoded with { Values = Array.ConvertAll(decoded.Values, x => Math.Clamp(x, -1f, 1f)) };
        report.Compare("trajectory.decoded", decoded, FloatArray.Read(numbers, "decoded"), services.Tolerances.TrajectoryPixels);
        report.Compare("trajectory.image", clamped, FloatArray.Read(numbers, "image"), services.Tolerances.TrajectoryPixels);
        report.Compare("trajectory.rgb_u8", await DecodeAsync(DataType.Uint8), FloatArray.Read(numbers, "rgb_u8"),
            services.Tolerances.Levels);
    }

    private static float[] Pack(FloatArray noise, PatchGrid grid)
    {
        var packed = new float[noise.Values.Length];
        LatentPacking.Pack(noise.Values, grid, packed);
        return packed;
    }

    private static FloatArray Unpack(DenoisingImage image)
    {
        var packed = FloatArray.From(image.LatentsMessage()).Values;
        var latents = new float[packed.Length];
        LatentPacking.Unpack(packed, image.Grid, latents);
        const int Side = PatchGrid.PatchSide;
        return new FloatArray(
            [1, image.Channels / LatentPacking.PatchArea, Side * image.Grid.Rows, Side * image.Grid.Columns], latents);
    }

    private static string Numbered(string name, int step) => string.Create(CultureInfo.InvariantCulture, $"{name}.{step}");
}
