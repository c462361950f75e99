using System.Globalization;
using FluxGrpc.Cli.Recording;
using FluxGrpc.Client;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Generation;

/// <summary>One run of <c>flux generate</c>: from the order to files on disk.</summary>
internal sealed class GenerateRun(GenerateSettings settings, Terminal terminal, IProgressView view)
{
    private const int MaxShownText = 80;

    private static readonly TimeSpan _leastShownWait = TimeSpan.FromSeconds(0.05);

    private readonly GenerationProgress _progress = new();
    private readonly List<(int Image, string Text)> _results = [];
    private SessionRecorder? _recorder;
    private GenerationSettings? _accepted;

    /// <summary>Makes the images.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        OutputNames.Check(settings.Output);
        if (settings.Record is not null)
            OutputNames.Check(settings.Record);

        if (settings.FollowUps is { } followUps)
        {
            await terminal.Output.WriteLineAsync(
                $"goes on at the server if this command ends early; to get it again: {followUps.GetIt}");
        }

        var finished = await FinishAsync(cancellation);
        foreach (var (_, line) in _results.OrderBy(result => result.Image))
            await terminal.Output.WriteLineAsync(line);
        await terminal.Output.WriteLineAsync(
            $"done in {Text(finished.TotalTime)} ({Waiting(finished)}prompt {Text(finished.EncodeTime)}, "
            + $"steps {Text(finished.DenoiseTime)}, decoding {Text(finished.DecodeTime)})");
    }

    private async Task<GenerationFinished> FinishAsync(CancellationToken cancellation)
    {
        try
        {
            return await view.ShowAsync(() => GenerateAsync(cancellation));
        }
        catch (OperationCanceledException) when (GoesOnWithoutUs)
        {
            await terminal.Output.WriteLineAsync($"to cancel it: {settings.FollowUps!.CancelIt}");
            throw new CliException($"left; request {settings.Request.RequestId} goes on at {settings.Server!.Address}", ExitCode.Cancelled);
        }
        catch (FluxException failure) when (GoesOnWithoutUs && failure.IsConnectionLost)
        {
            await terminal.Output.WriteLineAsync($"to get it again: {settings.FollowUps!.GetIt}");
            throw;
        }
    }

    /// <summary>True where the server has the request and does not need this command.</summary>
    private bool GoesOnWithoutUs => settings.FollowUps is not null && _accepted is not null;

    private async Task<GenerationFinished> GenerateAsync(CancellationToken cancellation)
    {
        await using var server = await ConnectAsync(cancellation);
        var request = settings.Request;
        if (settings.Record is not null)
        {
            var info = await server.Client.GetModelInfoAsync(cancellation);
            _recorder = new SessionRecorder(request.Prompt, info.Denoiser.Component.Fingerprint);
            request.IncludeTensors = true;
        }

        GenerationFinished? finished = null;
        await foreach (var happened in server.Client.GenerateAsync(request, cancellation))
        {
            _progress.Observe(happened);
            view.Update(_progress);
            Tell(happened);
            if (happened.EventCase == GenerateResponse.EventOneofCase.Accepted)
                _accepted = happened.Accepted.Settings;
            if (_recorder?.Observe(happened) is { } recording)
                Save(recording, happened.Image.ImageIndex);
            if (happened.EventCase == GenerateResponse.EventOneofCase.Image)
                await SaveAsync(happened.Image, cancellation);
            finished = happened.Finished ?? finished;
        }

        return finished ?? throw new CliException("the server ended the call before all was done");
    }

    private async Task<ServerConnection> ConnectAsync(CancellationToken cancellation)
    {
        if (settings.Server is { } server)
        {
            view.Say($"asking {server.Address}");
            return ServerConnection.To(server);
        }

        view.Say("starting the services");
        return await ServerConnection.EmbedAsync(settings.Embedded, cancellation);
    }

    private void Tell(GenerateResponse happened)
    {
        if (happened.Accepted is { RandomWeights: true })
            view.Warn("random weights: the picture means nothing");
        if (happened.ReplicaChanged is { } change)
            view.Note(Describe(change));
        if (happened.Encoded is { } encoded)
        {
            WarnOfTruncation("T5", encoded.T5Usage);
            WarnOfTruncation("CLIP", encoded.ClipUsage);
        }
    }

    private static string Describe(ReplicaChanged change)
    {
        var why = change.Reason switch
        {
            ReplicaChangeReason.Lost => "was lost",
            ReplicaChangeReason.Drained => "stops",
            _ => "has more to do",
        };
        return $"goes on at denoiser {change.ToReplicaId}: {change.FromReplicaId} {why}";
    }

    private void WarnOfTruncation(string encoder, TokenUsage usage)
    {
        if (usage.Truncated)
        {
            view.Warn($"the prompt has {usage.TokenCount} tokens, {encoder} takes {usage.Limit}; it did not see: "
                + $"\"{Beginning(usage.DroppedText)}\"");
        }
    }

    private static string Beginning(string text)
    {
        var line = text.ReplaceLineEndings(" ").Trim();
        return line.Length <= MaxShownText ? line : $"{line[..MaxShownText]}…";
    }

    private async Task SaveAsync(GeneratedImage image, CancellationToken cancellation)
    {
        var path = OutputNames.For(settings.Output, image.ImageIndex, _progress.Images);
        await File.WriteAllBytesAsync(path, image.Data.ToByteArray(), cancellation);
        _results.Add((image.ImageIndex, string.Create(CultureInfo.InvariantCulture,
            $"{path}: {_accepted!.Width} x {_accepted.Height}, {_accepted.Steps} steps, seed {image.Seed}")));
    }

    private void Save(SessionRecording recording, int index)
    {
        var path = OutputNames.For(settings.Record!, index, _progress.Images);
        recording.Write(path);
        _results.Add((index, $"{path}: recording of {recording.Latents.Count} steps"));
    }

    private static string Waiting(GenerationFinished finished) =>
        finished.QueueTime.ToTimeSpan() < _leastShownWait ? "" : $"waiting {Text(finished.QueueTime)}, ";

    private static string Text(Google.Protobuf.WellKnownTypes.Duration time) => Durations.Format(time.ToTimeSpan());
}
