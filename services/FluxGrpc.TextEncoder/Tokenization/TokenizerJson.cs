using System.Text.Json;
using Google.Protobuf;

namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>Finds the SentencePiece model in Hugging Face's <c>tokenizer.json</c>.</summary>
internal static class TokenizerJson
{
    /// <summary>Reads the file's root object.</summary>
    /// <exception cref="FormatException">A part has another form.</exception>
    /// <exception cref="KeyNotFoundException">A part is missing.</exception>
    /// <exception cref="IndexOutOfRangeException">A pair is shorter.</exception>
    /// <exception cref="InvalidOperationException">A value has another type.</exception>
    public static SentencePieceModel Parse(JsonElement root)
    {
        var model = root.GetProperty("model");
        if (model.GetProperty("type").GetString() != "Unigram")
            throw new FormatException($"model.type is {model.GetProperty("type")}, not Unigram");

        // A null unk_id throws here: T5 has one.
        var unknown = model.GetProperty("unk_id").GetInt32();
        var special = SpecialTokens(root);
        var pieces = model.GetProperty("vocab").EnumerateArray()
            .Select((entry, id) => ReadPiece(entry, id == unknown, special))
            .ToList();
        return new SentencePieceModel
        {
            Pieces = pieces,
            UnknownId = unknown,
            EndId = pieces.FindIndex(piece => piece.Text == "</s>"),
            PaddingId = pieces.FindIndex(piece => piece.Text == "<pad>"),
            CharacterMap = CharacterMap(root),
            AddDummyPrefix = AddsPrefix(root),
        };
    }

    private static SentencePieceModel.Piece ReadPiece(JsonElement entry, bool isUnknown, HashSet<string> special)
    {
        var text = entry[0].GetString() ?? "";
        var kind = isUnknown ? SentencePieceModel.PieceKind.Unknown
            : special.Contains(text) ? SentencePieceModel.PieceKind.Control
            : SentencePieceModel.PieceKind.Normal;
        return new SentencePieceModel.Piece(text, entry[1].GetSingle(), kind);
    }

    private static HashSet<string> SpecialTokens(JsonElement root)
    {
        HashSet<string> special = ["</s>", "<pad>"];
        if (root.TryGetProperty("added_tokens", out var added))
        {
            foreach (var token in added.EnumerateArray().Where(token => token.GetProperty("special").GetBoolean()))
                special.Add(token.GetProperty("content").GetString() ?? "");
        }

        return special;
    }

    private static ByteString CharacterMap(JsonElement root)
    {
        foreach (var normalizer in Steps(root, "normalizer", "normalizers"))
        {
            if (normalizer.GetProperty("type").GetString() == "Precompiled")
                return ByteString.CopyFrom(normalizer.GetProperty("precompiled_charsmap").GetBytesFromBase64());
        }

        return ByteString.Empty;
    }

    // Older files say add_prefix_space, newer ones prepend_scheme.
    private static bool AddsPrefix(JsonElement root)
    {
        foreach (var step in Steps(root, "pre_tokenizer", "pretokenizers"))
        {
            if (step.GetProperty("type").GetString() != "Metaspace")
                continue;
            if (step.TryGetProperty("prepend_scheme", out var scheme))
                return scheme.GetString() != "never";
            return !step.TryGetProperty("add_prefix_space", out var adds) || adds.GetBoolean();
        }

        return true;
    }

    /// <summary>The step under a name, or the steps of the sequence that stands there.</summary>
    private static JsonElement[] Steps(JsonElement root, string name, string sequenceName)
    {
        if (!root.TryGetProperty(name, out var step) || step.ValueKind == JsonValueKind.Null)
            return [];
        return step.GetProperty("type").GetString() == "Sequence" ? [.. step.GetProperty(sequenceName).EnumerateArray()] : [step];
    }
}
