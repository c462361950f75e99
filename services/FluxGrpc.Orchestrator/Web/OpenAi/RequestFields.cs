using System.Globalization;
using System.Text.Json;
using FluxGrpc.Tensors;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>
/// The fields of a request, each read once by its name and type. What is wrong with any of them is collected and told together; a field
/// that nobody reads is wrong too. A field of null is absent.
/// </summary>
internal sealed class RequestFields
{
    private const int MostFormFields = 64;

    private static readonly JsonDocumentOptions _strict = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    private readonly Dictionary<string, FieldValue> _unread;
    private readonly List<IFormFile> _unreadFiles;
    private readonly Violations _violations = new();

    private RequestFields(Dictionary<string, FieldValue> fields, IEnumerable<IFormFile> files) =>
        (_unread, _unreadFiles) = (fields, [.. files]);

    /// <summary>Reads a body of JSON.</summary>
    /// <exception cref="BadHttpRequestException">It is no JSON object.</exception>
    public static async Task<RequestFields> ReadJsonAsync(HttpRequest request)
    {
        var json = await JsonBody.ReadAsync(request);
        try
        {
            using var document = JsonDocument.Parse(json, _strict);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new RequestFields(document.RootElement.EnumerateObject()
                    .Where(field => field.Value.ValueKind != JsonValueKind.Null)
                    .ToDictionary(field => field.Name, field => new FieldValue(field.Value.Clone())), [])
                : throw new BadHttpRequestException($"The body is a JSON {document.RootElement.ValueKind}; allowed: an object");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // A name with half a surrogate pair is an invalid operation.
            throw new BadHttpRequestException($"The body is not JSON: {exception.Message}", exception);
        }
    }

    /// <summary>Reads a form of several parts, with its files.</summary>
    /// <param name="request">The request.</param>
    /// <param name="maxBytes">Largest body; it is kept in memory.</param>
    /// <exception cref="BadHttpRequestException">It is no such form.</exception>
    public static async Task<RequestFields> ReadFormAsync(HttpRequest request, int maxBytes)
    {
        const string Multipart = "multipart/form-data";
        if (request.ContentType?.StartsWith(Multipart, StringComparison.OrdinalIgnoreCase) != true)
        {
            throw new BadHttpRequestException($"The content type is '{request.ContentType}'; allowed: {Multipart}",
                StatusCodes.Status415UnsupportedMediaType);
        }

        var limits = new FormOptions
        {
            MemoryBufferThreshold = maxBytes,
            MultipartBodyLengthLimit = maxBytes,
            ValueLengthLimit = maxBytes,
            ValueCountLimit = MostFormFields,
        };
        try
        {
            var form = await request.ReadFormAsync(limits, request.HttpContext.RequestAborted);
            return new RequestFields(form.ToDictionary(field => field.Key, field => new FieldValue(field.Value.ToString())), form.Files);
        }
        catch (Exception exception) when (exception is InvalidDataException or IOException and not BadHttpRequestException)
        {
            throw new BadHttpRequestException($"The body is no form: {exception.Message}", exception);
        }
    }

    /// <summary>A text, or null.</summary>
    public string? Text(string name)
    {
        if (!_unread.Remove(name, out var value))
            return null;
        if (value.AsText() is { } text)
            return text;
        Add(name, $"is {value}; allowed: a Unicode string");
        return null;
    }

    /// <summary>A text that must not be absent; empty where something is wrong.</summary>
    public string RequiredText(string name)
    {
        if (!_unread.ContainsKey(name))
            Add(name, "is missing; required");
        return Text(name) ?? "";
    }

    /// <summary>One of a few texts, or null.</summary>
    public string? OneOf(string name, params ReadOnlySpan<string> allowed)
    {
        var text = Text(name);
        if (text is not null && !allowed.Contains(text))
            Add(name, $"is '{text}'; allowed: {string.Join(", ", allowed!)}");
        return text;
    }

    /// <summary>A whole number, or null.</summary>
    public int? Integer(string name)
    {
        if (!_unread.Remove(name, out var value))
            return null;
        if (int.TryParse(value.AsNumber(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return number;
        Add(name, $"is {value}; allowed: a whole number");
        return null;
    }

    /// <summary>A whole number within a closed range, or null.</summary>
    public int? Integer(string name, int least, int most)
    {
        if (Integer(name) is not { } number)
            return null;
        _violations.CheckRange(name, number, least, most);
        return number;
    }

    /// <summary>A number, or null.</summary>
    public float? Number(string name)
    {
        if (!_unread.Remove(name, out var value))
            return null;
        if (float.TryParse(value.AsNumber(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && float.IsFinite(number))
            return number;
        Add(name, $"is {value}; allowed: a number");
        return null;
    }

    /// <summary>A whole number of 64 bits, as a number or, because some languages cannot hold it, as its digits; or null.</summary>
    public ulong? Seed(string name)
    {
        if (!_unread.Remove(name, out var value))
            return null;
        if (ulong.TryParse(value.AsNumber() ?? value.AsText(), NumberStyles.None, CultureInfo.InvariantCulture, out var seed))
            return seed;
        Add(name, $"is {value}; allowed: 0 to {ulong.MaxValue}");
        return null;
    }

    /// <summary>A truth value; false where it is absent.</summary>
    public bool Flag(string name)
    {
        if (!_unread.Remove(name, out var value))
            return false;
        if (value.AsFlag() is { } flag)
            return flag;
        Add(name, $"is {value}; allowed: true, false");
        return false;
    }

    /// <summary>The one file of a name, or of that name with brackets, as lists have it; empty where something is wrong.</summary>
    public async Task<ReadOnlyMemory<byte>> RequiredFileAsync(string name, CancellationToken cancellation)
    {
        var files = _unreadFiles.Where(file => file.Name == name || file.Name == $"{name}[]").ToList();
        if (files.Count != 1)
        {
            Add(name, files.Count == 0 ? "is missing; required, as a file" : $"is {files.Count} files; allowed: 1");
            _unreadFiles.RemoveAll(files.Contains);
            return default;
        }

        _unreadFiles.Remove(files[0]);
        if (files[0].Length == 0)
            Add(name, "is empty; allowed: a PNG, JPEG or WebP file");
        using var content = new MemoryStream((int)files[0].Length);
        await files[0].CopyToAsync(content, cancellation);
        return content.GetBuffer().AsMemory(0, (int)content.Length);
    }

    /// <summary>Adds something that is wrong.</summary>
    public void Add(string name, string description) => _violations.Add(name, description);

    /// <summary>Ends the reading.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT with everything that is wrong.</exception>
    public void Finish()
    {
        foreach (var name in _unread.Keys.Concat(_unreadFiles.Select(file => file.Name)))
            Add(name, "is unknown; allowed: leave it out");
        _violations.ThrowIfAny();
    }
}
