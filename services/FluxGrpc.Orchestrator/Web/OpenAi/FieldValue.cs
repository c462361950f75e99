using System.Text.Json;

namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>The value of a request's field: JSON with its type, or the text of a form, which may stand for any type.</summary>
internal sealed class FieldValue
{
    private const int LongestDescription = 40;

    private readonly JsonElement? _json;
    private readonly string _text;

    /// <summary>A value of JSON.</summary>
    public FieldValue(JsonElement json) => (_json, _text) = (json, json.GetRawText());

    /// <summary>A value of a form.</summary>
    public FieldValue(string text) => _text = text;

    /// <summary>The text; null where it is another type, or no Unicode: half a surrogate pair.</summary>
    public string? AsText()
    {
        if (_json is not { } json)
            return _text;
        try
        {
            return json.ValueKind == JsonValueKind.String ? json.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The digits of a number; null where it is another type.</summary>
    public string? AsNumber() => _json is { ValueKind: not JsonValueKind.Number } ? null : _text;

    /// <summary>The truth value; null where it is another type.</summary>
    public bool? AsFlag() => _text switch // JSON's strings still have their quotes.
    {
        "true" => true,
        "false" => false,
        _ => null,
    };

    /// <summary>The value as it was sent, shortened.</summary>
    public override string ToString()
    {
        var sent = _json is null ? $"'{_text}'" : _text;
        return sent.Length <= LongestDescription ? sent : $"{sent[..LongestDescription]}…";
    }
}
