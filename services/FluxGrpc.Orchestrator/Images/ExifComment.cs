using System.Text;
using System.Text.Json;
using ImageMagick;

namespace FluxGrpc.Orchestrator.Images;

/// <summary>Settings as a JSON object in Exif's UserComment: what JPEG and WebP have for PNG's text chunks.</summary>
internal static class ExifComment
{
    // A JPEG segment has at most 65,533 bytes, Exif's own included.
    private const int MaxBytes = 60_000;

    /// <summary>Exif's name of the character set: the JSON escapes all else.</summary>
    private static ReadOnlySpan<byte> Ascii => "ASCII\0\0\0"u8;

    /// <summary>Makes a profile. Texts that are too long together are left out, the longest first.</summary>
    public static ExifProfile ToProfile(IReadOnlyDictionary<string, string> texts)
    {
        var kept = new Dictionary<string, string>(texts);
        var json = JsonSerializer.SerializeToUtf8Bytes(kept);
        while (json.Length > MaxBytes)
        {
            kept.Remove(kept.MaxBy(text => text.Value.Length).Key);
            json = JsonSerializer.SerializeToUtf8Bytes(kept);
        }

        var profile = new ExifProfile();
        profile.SetValue(ExifTag.UserComment, [.. Ascii, .. json]);
        return profile;
    }

    /// <summary>Reads what <see cref="ToProfile"/> wrote; empty where the comment is missing or another one.</summary>
    public static IReadOnlyDictionary<string, string> Read(IExifProfile? profile)
    {
        if (profile?.GetValue(ExifTag.UserComment)?.Value is not { } comment || !comment.AsSpan().StartsWith(Ascii))
            return new Dictionary<string, string>();
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, string>>(Encoding.ASCII.GetString(comment.AsSpan(Ascii.Length)))
                ?? new Dictionary<string, string>();
        }
        catch (JsonException)
        {
            return new Dictionary<string, string>();
        }
    }
}
