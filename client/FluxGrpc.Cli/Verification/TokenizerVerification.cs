using FluxGrpc.V1;

namespace FluxGrpc.Cli.Verification;

/// <summary>
/// The tokenizers: every prompt's ids must be equal. T5's is tried from its SentencePiece model and again from its tokenizer.json
/// alone. The models behind them, the folder's text encoders or else the mini model's, do not matter here.
/// </summary>
internal sealed class TokenizerVerification(string t5, string clip, ReferenceFolder folder, VerifiedServices services) : IVerification
{
    private const string T5Prompts = "tokenizers/t5_ids.json";
    private const string ClipPrompts = "tokenizers/clip_ids.json";

    public string Name => "tokenizers";

    public string? Obstacle
    {
        get
        {
            if (folder.FirstMissing(T5Prompts, ClipPrompts, "tokenizers/vocab.json", "tokenizers/merges.txt") is { } missing)
            {
                return $"{missing} is not there";
            }

            return T5Files.Any() ? null : "tokenizers/ has neither spiece*.model nor *tokenizer.json";
        }
    }

    private IEnumerable<string> T5Files => folder.TokenizerFiles("spiece*.model").Concat(folder.TokenizerFiles("*tokenizer.json"));

    public async Task RunAsync(VerificationReport report, CancellationToken cancellation)
    {
        var t5Prompts = TokenizedReference.Read(folder, T5Prompts);
        var clipPrompts = TokenizedReference.Read(folder, ClipPrompts);
        foreach (var (index, file) in T5Files.Index())
        {
            using var checkpoint = Checkpoint().AddTokenizers(folder, file);
            await using var encoder = await services.StartTextEncoderAsync(checkpoint, cancellation);
            var client = new TextEncoderService.TextEncoderServiceClient(encoder.Channel);

            var t5Comparison = new TokenComparison($"tokenizers.t5.{Path.GetFileName(file)}");
            foreach (var prompt in t5Prompts)
            {
                var response = await TokenizeAsync(client, prompt.Prompt, prompt.Ids.Count, cancellation);
                t5Comparison.Add(prompt, response.TokenizedPrompt.T5TokenIds, response.T5Usage);
            }

            t5Comparison.WriteTo(report);
            if (index > 0)
                continue; // CLIP's tokenizer is the same every time.

            var clipComparison = new TokenComparison("tokenizers.clip");
            foreach (var prompt in clipPrompts)
            {
                var response = await TokenizeAsync(client, prompt.Prompt, maxTokens: null, cancellation);
                clipComparison.Add(prompt, response.TokenizedPrompt.ClipTokenIds, response.ClipUsage);
            }

            clipComparison.WriteTo(report);
        }
    }

    private TemporaryCheckpoint Checkpoint() => folder.FirstMissing($"{t5}.safetensors", $"{clip}.safetensors") is null
        ? new TemporaryCheckpoint().AddTextEncoders(folder, t5, clip)
        : new TemporaryCheckpoint().AddMiniTextEncoders();

    private static async Task<TokenizeResponse> TokenizeAsync(
        TextEncoderService.TextEncoderServiceClient client, string prompt, int? maxTokens, CancellationToken cancellation)
    {
        var request = new TokenizeRequest { Prompt = prompt };
        if (maxTokens is { } length)
            request.MaxTokens = length;
        return await client.TokenizeAsync(request, cancellationToken: cancellation);
    }
}
