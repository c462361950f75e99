using System.CommandLine;
using System.Globalization;
using FluxGrpc.Channels;
using FluxGrpc.Cli.Recording;
using FluxGrpc.Client;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.V1;
using Grpc.Core;
using Grpc.Net.Client;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux replay FILE --server DENOISER</c>: sends a recorded session to a denoiser again and compares the velocities.</summary>
internal static class ReplayCommand
{
    public static Command Create(Terminal terminal)
    {
        var file = new Argument<FileInfo>("file") { Description = "Recording made by generate --record." };
        file.AcceptExistingOnly();
        var server = new ServerOptions("Denoiser to ask:") { Address = { Required = true } };
        var tolerance = new Option<float>("--tolerance")
        {
            Description = "Largest difference that still counts as equal; 0 asks for equal bits.",
            DefaultValueFactory = _ => 0,
        }.Within(0, float.MaxValue);

        var command = new Command("replay", "Send a recorded session to a denoiser again and print the differences step by step.")
        {
            file, tolerance,
        };
        server.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(
            SessionRecording.Read(parsed.GetRequiredValue(file).FullName), server.Read(parsed)!,
            parsed.GetValue(tolerance), terminal, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(
        SessionRecording recording, FluxClientOptions server, float tolerance, Terminal terminal, CancellationToken cancellation)
    {
        using var channel = ServiceChannel.Create(ServiceAddress.Parse(server.Address), server.ToSecurity());
        await WarnOfAnotherModelAsync(recording, channel, terminal, cancellation);
        var steps = await ReplayAsync(recording, channel, terminal, cancellation);

        var failures = steps.Count(step => !step.IsWithin(tolerance));
        var largest = steps.Aggregate(0f, (most, step) => Math.Max(most, step.MaxAbs));
        var bound = tolerance == 0 ? "bit for bit" : string.Create(CultureInfo.InvariantCulture, $"within {tolerance:0.0e+00}");
        await terminal.Output.WriteLineAsync(failures == 0
            ? $"equal: {steps.Count} of {steps.Count} steps {bound}"
            : string.Create(CultureInfo.InvariantCulture,
                $"FAIL: {failures} of {steps.Count} steps are not equal {bound}; largest difference {largest:0.0e+00}"));
        return failures == 0 ? ExitCode.Success : ExitCode.Failure;
    }

    private static async Task<List<StepDifference>> ReplayAsync(
        SessionRecording recording, GrpcChannel channel, Terminal terminal, CancellationToken cancellation)
    {
        var opening = new OpenSession
        {
            SessionId = $"replay-{Guid.NewGuid():N}",
            HiddenStates = recording.HiddenStates,
            Pooled = recording.Pooled,
            Grid = recording.Grid,
            Sigmas = { recording.Sigmas },
        };
        if (recording.Guidance is { } guidance)
            opening.Guidance = guidance;

        using var session = await DenoiserSession.OpenAsync(
            new DenoiserService.DenoiserServiceClient(channel), opening, new CallOptions(cancellationToken: cancellation));
        var differences = new List<StepDifference>();
        for (var step = 0; step < recording.Latents.Count; step++)
        {
            var result = await session.PredictVelocityAsync(step, recording.Sigmas[step], recording.Latents[step], cancellation);
            var difference = StepDifference.Between(recording.Velocities[step], result.Velocity);
            differences.Add(difference);
            var bits = difference.IsBitEqual ? "bit-equal" : "differs";
            await terminal.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"step {step}  t {recording.Sigmas[step]:0.0000}  max_abs {difference.MaxAbs:0.0e+00}  {bits}  "
                + $"{result.ComputeTime.ToTimeSpan().TotalSeconds:0.000} s"));
        }

        await session.CompleteAsync(cancellation);
        return differences;
    }

    private static async Task WarnOfAnotherModelAsync(
        SessionRecording recording, GrpcChannel channel, Terminal terminal, CancellationToken cancellation)
    {
        var info = await new DenoiserService.DenoiserServiceClient(channel).GetModelInfoAsync(new(), cancellationToken: cancellation);
        if (recording.Fingerprint.Length > 0 && info.Component.Fingerprint != recording.Fingerprint)
        {
            await terminal.Error.WriteLineAsync(
                $"note: recorded with another model, compute type or kind of device ({recording.ModelName}, {recording.Fingerprint}); "
                + $"this is {info.Component.ModelName}, {info.Component.Fingerprint}");
        }
    }
}
