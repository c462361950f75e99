using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text;

namespace FluxGrpc.Hosting;

/// <summary>One option as a user sees it.</summary>
/// <param name="Switch">On the command line: "--max-sessions".</param>
/// <param name="Variable">In the environment: "FLUX_DENOISER_MAX_SESSIONS".</param>
/// <param name="Default">Value where neither is given.</param>
/// <param name="Description">What it does.</param>
public sealed record OptionDescription(string Switch, string Variable, string Default, string Description);

/// <summary>
/// Fills an options class from a settings file, the environment and the command line, each of which wins over those before, and
/// validates it. The names follow from the properties': MaxSessions of the denoiser is <c>--max-sessions</c>,
/// <c>FLUX_DENOISER_MAX_SESSIONS</c>, and <c>MaxSessions</c> in the file's section <c>Denoiser</c>.
/// </summary>
/// <typeparam name="TOptions">A class of settable string, number and boolean properties.</typeparam>
/// <param name="service">The service's name: "text-encoder".</param>
public sealed class OptionsReader<TOptions>(string service)
    where TOptions : class, new()
{
    private readonly PropertyInfo[] _properties =
    [
        .. typeof(TOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.CanWrite)
            .OrderBy(property => Depth(property.DeclaringType!)),
    ];

    /// <summary>All options, those common to all services first.</summary>
    public IEnumerable<OptionDescription> Describe()
    {
        var defaults = new TOptions();
        return _properties.Select(property => new OptionDescription(SwitchOf(property), VariableOf(property),
            Convert.ToString(property.GetValue(defaults), CultureInfo.InvariantCulture) ?? "",
            property.GetCustomAttribute<DescriptionAttribute>()?.Description ?? ""));
    }

    /// <summary>Reads and validates the options.</summary>
    /// <param name="arguments">The command line: <c>--name value</c> or <c>--name=value</c>.</param>
    /// <param name="environment">Looks up a variable; null where it is not set.</param>
    /// <exception cref="ValidationException">
    /// An unknown switch or setting, or a value that is not allowed; the message says which and why.
    /// </exception>
    public TOptions Read(IReadOnlyList<string> arguments, Func<string, string?> environment)
    {
        var options = new TOptions();
        List<Given> given = [.. FromEnvironment(environment), .. FromCommandLine(arguments)];
        foreach (var (property, text, source) in FromFallbacks(environment).Concat(FromSettings(options, given)).Concat(given).ToList())
            Set(options, property, text, source);
        Validate(options);
        return options;
    }

    /// <summary>Validates options that were made in code.</summary>
    /// <exception cref="ValidationException">A value is not allowed; the message lists all of them.</exception>
    public void Validate(TOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var results = new List<ValidationResult>();
        if (!Validator.TryValidateObject(options, new ValidationContext(options), results, validateAllProperties: true))
            throw new ValidationException(string.Join("; ", results.Select(result => result.ErrorMessage)));
    }

    /// <summary>The text of <c>--help</c>.</summary>
    public string Help(string description)
    {
        var text = new StringBuilder(description).AppendLine().AppendLine().AppendLine("Options:");
        foreach (var option in Describe())
        {
            var fallback = option.Default.Length == 0 ? "" : $" Default: {option.Default}.";
            text.AppendLine(CultureInfo.InvariantCulture, $"  {option.Switch,-24} {option.Description}{fallback}")
                .AppendLine(CultureInfo.InvariantCulture, $"  {"",-24} Environment: {option.Variable}");
        }

        return text.ToString();
    }

    private IEnumerable<Given> FromEnvironment(Func<string, string?> environment) => _properties
        .Select(property => new Given(property, environment(VariableOf(property)) ?? "", VariableOf(property)))
        .Where(given => given.Text.Length > 0);

    /// <summary>What everybody's variables say; ours and the file, which mean this service, win over them.</summary>
    private IEnumerable<Given> FromFallbacks(Func<string, string?> environment) =>
        from property in _properties
        let name = property.GetCustomAttribute<FallbackVariableAttribute>()?.Name
        where name is not null && environment(name) is { Length: > 0 }
        select new Given(property, environment(name)!, name);

    private IEnumerable<Given> FromCommandLine(IReadOnlyList<string> arguments)
    {
        for (var i = 0; i < arguments.Count; i++)
        {
            var (name, value) = arguments[i].Split('=', 2) is [var left, var right] ? (left, right) : (arguments[i], null);
            var property = _properties.FirstOrDefault(property => SwitchOf(property) == name)
                ?? throw new ValidationException($"'{name}' is unknown; allowed: {string.Join(", ", _properties.Select(SwitchOf))}");
            if (value is null && ++i == arguments.Count)
                throw new ValidationException($"{name} needs a value");
            yield return new Given(property, value ?? arguments[i], name);
        }
    }

    /// <summary>The file may be missing where nobody named it.</summary>
    private IEnumerable<Given> FromSettings(TOptions options, List<Given> given)
    {
        if (_properties.FirstOrDefault(property => property.Name == nameof(ServiceOptions.Settings)) is not { } settings)
            return [];
        var named = given.FindLast(value => value.Property == settings)?.Text;
        var path = named ?? (string)settings.GetValue(options)!;
        return SettingsFile.Read(path, Section, isOptional: named is null).Select(entry => new Given(
            _properties.FirstOrDefault(property =>
                property != settings && property.Name.Equals(entry.Key, StringComparison.OrdinalIgnoreCase))
            ?? throw new ValidationException($"{path}: {Section}:{entry.Key} is unknown; allowed: "
                + string.Join(", ", _properties.Where(property => property != settings).Select(property => property.Name))),
            entry.Value, $"{path}: {Section}:{entry.Key}"));
    }

    private static void Set(TOptions options, PropertyInfo property, string text, string source)
    {
        var converter = TypeDescriptor.GetConverter(property.PropertyType);
        try
        {
            property.SetValue(options, converter.ConvertFromInvariantString(text));
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or NotSupportedException)
        {
            throw new ValidationException($"{source} is '{text}', which is not a {property.PropertyType.Name}", exception);
        }
    }

    private string VariableOf(PropertyInfo property) =>
        $"FLUX_{service}_{Kebab(property.Name)}".Replace('-', '_').ToUpperInvariant();

    private static string SwitchOf(PropertyInfo property) => $"--{Kebab(property.Name)}";

    private static string Kebab(string name)
    {
        var kebab = new StringBuilder();
        foreach (var letter in name)
        {
            if (char.IsUpper(letter) && kebab.Length > 0)
                kebab.Append('-');
            kebab.Append(char.ToLowerInvariant(letter));
        }

        return kebab.ToString();
    }

    /// <summary>The service's section of a settings file: "TextEncoder".</summary>
    private string Section => string.Concat(service.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static int Depth(Type type) => type.BaseType is null ? 0 : 1 + Depth(type.BaseType);

    /// <summary>A value as a user gave it.</summary>
    private sealed record Given(PropertyInfo Property, string Text, string Source);
}
