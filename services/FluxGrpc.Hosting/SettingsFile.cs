using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Configuration;

namespace FluxGrpc.Hosting;

/// <summary>
/// A service's section of a JSON file of settings, as ASP.NET's <c>appsettings.json</c>: <c>{"Denoiser": {"MaxSessions": 32}}</c>.
/// Comments are allowed. It is read once: settings do not change while a service runs.
/// </summary>
internal static class SettingsFile
{
    /// <summary>Reads the section.</summary>
    /// <param name="path">The file.</param>
    /// <param name="section">"TextEncoder", "Denoiser", ...</param>
    /// <param name="isOptional">True where the file may be missing.</param>
    /// <returns>Names and values, as written.</returns>
    /// <exception cref="ValidationException">The file is missing or is not JSON, or a value is not a plain one.</exception>
    public static IEnumerable<KeyValuePair<string, string>> Read(string path, string section, bool isOptional)
    {
        if (!File.Exists(path))
            return isOptional ? [] : throw new ValidationException($"The settings file '{path}' is not there");
        try
        {
            var file = new ConfigurationBuilder().AddJsonFile(Path.GetFullPath(path), optional: false, reloadOnChange: false);
            return [.. file.Build().GetSection(section).GetChildren().Select(entry => new KeyValuePair<string, string>(
                entry.Key, entry.Value ?? throw new ValidationException($"{path}: {entry.Path} is not a plain value")))];
        }
        catch (Exception exception) when (exception is InvalidDataException or FormatException or IOException)
        {
            throw new ValidationException($"{path} is not a settings file: {exception.GetBaseException().Message}", exception);
        }
    }
}
