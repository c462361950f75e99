using FluxGrpc.V1;

namespace FluxGrpc.Cli.Verification;

/// <summary>T5 and CLIP, which one service has together: prompts as token ids in, conditioning out.</summary>
internal sealed class TextEncoderVerification(string t5, string clip, ReferenceFolder folder, VerifiedServices services) : IVerification
{
    public string Name => $"{t5}, {clip}";

    public string? Obstacle =>
        folder.FirstMissing($"{t5}.safetensors", $"{t5}_io.safetensors", $"{clip}.safetensors", $"{clip}_io.safetensors") is { } missing
            ? $"{missing} is not there, and the service has both text encoders"
            : null;

    public async Task RunAsync(VerificationReport report, CancellationToken cancellation)
    {
        using var checkpoint = new TemporaryCheckpoint().AddTextEncoders(folder, t5, clip);
        using var t5Numbers = folder.Open($"{t5}_io.safetensors");
        using var clipNumbers = folder.Open($"{clip}_io.safetensors");
        var (t5Ids, clipIds) = (TokenRows.Read(t5Numbers, "input_ids"), TokenRows.Read(clipNumbers, "input_ids"));
        await using var encoder = await services.StartTextEncoderAsync(checkpoint, cancellation);
        var client = new TextEncoderService.TextEncoderServiceClient(encoder.Channel);

        var hiddenStates = new List<FloatArray>();
        var pooled = new List<FloatArray>();
        for (var row = 0; row < Math.Max(t5Ids.Count, clipIds.Count); row++)
        {
            // The folders' prompts for the two have nothing to do with one another: the shorter list starts over.
            var response = await client.EncodeAsync(new TextEncoderServiceEncodeRequest
            {
                TokenizedPrompt = new TokenizedPrompt
                {
                    T5TokenIds = { t5Ids[row % t5Ids.Count] },
                    ClipTokenIds = { clipIds[row % clipIds.Count] },
                },
                ReplyDataType = DataType.Float32,
            }, cancellationToken: cancellation);
            hiddenStates.Add(FloatArray.From(response.HiddenStates));
            pooled.Add(FloatArray.From(response.Pooled));
        }

        report.Compare($"{t5}.last_hidden_state", FloatArray.Stack(hiddenStates[..t5Ids.Count]),
            FloatArray.Read(t5Numbers, "last_hidden_state"), services.Tolerances.HiddenStates);
        report.Compare($"{clip}.pooler_output", FloatArray.Stack(pooled[..clipIds.Count]),
            FloatArray.Read(clipNumbers, "pooler_output"), services.Tolerances.Pooled);
    }
}
