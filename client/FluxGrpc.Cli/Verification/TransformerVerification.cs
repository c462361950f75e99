using System.Globalization;
using FluxGrpc.Checkpoints;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace FluxGrpc.Cli.Verification;

/// <summary>A transformer: the velocity of every batch element, each in a session of its own.</summary>
internal sealed class TransformerVerification(string model, ReferenceFolder folder, VerifiedServices services) : IVerification
{
    private readonly string _weights = $"{model}.safetensors";
    private readonly string _numbers = $"{model}_io.safetensors";

    public string Name => model;

    public string? Obstacle => folder.FirstMissing(_weights, _numbers) is { } missing ? $"{missing} is not there" : null;

    public async Task RunAsync(VerificationReport report, CancellationToken cancellation)
    {
        using var checkpoint = new TemporaryCheckpoint().AddModel("transformer", folder.ConfigOf(model), folder.PathOf(_weights));
        using var numbers = folder.Open(_numbers);
        await using var denoiser = await services.StartDenoiserAsync(checkpoint, cancellation);

        var expected = FloatArray.Read(numbers, "out");
        var velocities = new List<FloatArray>();
        for (var element = 0; element < expected.Count; element++)
            velocities.Add(await PredictAsync(denoiser.Channel, numbers, element, cancellation));

        var tolerance = numbers.Tensors.ContainsKey("guidance") ? services.Tolerances.GuidedVelocity : services.Tolerances.Velocity;
        report.Compare($"{model}.out", FloatArray.Stack(velocities), expected, tolerance);
    }

    private static async Task<FloatArray> PredictAsync(
        GrpcChannel channel, SafetensorsFile numbers, int element, CancellationToken cancellation)
    {
        Tensor Input(string name) => FloatArray.Read(numbers, name).Element(element).ToMessage();

        var opening = new OpenSession
        {
            SessionId = string.Create(CultureInfo.InvariantCulture, $"verify-{element}"),
            HiddenStates = Input("txt"),
            Pooled = Input("y"),
            Grid = PositionIds.GridOf(numbers, element).ToMessage(),
            Sigmas = { 1, 0 }, // Says how many steps there will be; the step's own timestep counts.
        };
        if (numbers.Tensors.ContainsKey("guidance"))
            opening.Guidance = FloatArray.Read(numbers, "guidance").Element(element).Values[0];

        var client = new DenoiserService.DenoiserServiceClient(channel);
        using var session = await DenoiserSession.OpenAsync(client, opening, new CallOptions(cancellationToken: cancellation));
        var timestep = FloatArray.Read(numbers, "timesteps").Element(element).Values[0];
        var result = await session.PredictVelocityAsync(0, timestep, Input("img"), cancellation);
        await session.CompleteAsync(cancellation);
        return FloatArray.From(result.Velocity);
    }
}
