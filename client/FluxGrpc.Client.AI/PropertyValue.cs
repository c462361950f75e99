using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace FluxGrpc.Client.AI;

/// <summary>A value of <see cref="ImageGenerationOptions.AdditionalProperties"/>, to be read as what its name asks for.</summary>
internal readonly record struct PropertyValue(string Name, object Value)
{
    /// <summary>The value as a text.</summary>
    public string AsText() => Value switch
    {
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } json => json.GetString()!,
        _ => throw Wrong("a text"),
    };

    /// <summary>The value as an integer that T holds.</summary>
    public T AsInteger<T>()
        where T : IBinaryInteger<T>, IMinMaxValue<T>
    {
        var digits = Value switch
        {
            byte or sbyte or short or ushort or int or uint or long or ulong => Convert.ToString(Value, CultureInfo.InvariantCulture),
            JsonElement { ValueKind: JsonValueKind.Number } json => json.GetRawText(),
            _ => null,
        };
        return T.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Wrong($"an integer from {T.MinValue} to {T.MaxValue}");
    }

    /// <summary>The value as a number.</summary>
    public float AsNumber() => NumberOf(Value) ?? throw Wrong("a number");

    /// <summary>The value as a sequence of numbers.</summary>
    public IReadOnlyList<float> AsNumbers()
    {
        IEnumerable<object>? values = Value switch
        {
            IEnumerable<float> floats => floats.Cast<object>(),
            IEnumerable<double> doubles => doubles.Cast<object>(),
            JsonElement { ValueKind: JsonValueKind.Array } json => json.EnumerateArray().Cast<object>(),
            _ => null,
        };
        var numbers = values?.Select(NumberOf).ToArray();
        return numbers is not null && numbers.All(number => number is not null)
            ? [.. numbers.Select(number => number!.Value)]
            : throw Wrong("a sequence of numbers");
    }

    /// <summary>The value as one of an enum's, itself or by its name in the contracts without the prefix, in any case.</summary>
    /// <param name="names">The names allowed.</param>
    public T AsChoice<T>(IReadOnlyDictionary<string, T> names)
        where T : struct, Enum
    {
        if (Value is T choice && names.Values.Contains(choice))
            return choice;
        var text = Value is JsonElement { ValueKind: JsonValueKind.String } json ? json.GetString() : Value as string;
        return text is not null && names.TryGetValue(text, out var named) ? named : throw Wrong(string.Join(", ", names.Keys));
    }

    /// <summary>The value as an object of a type.</summary>
    public T As<T>()
        where T : class => Value as T ?? throw Wrong($"an {typeof(T).Name.Split('`')[0]} of {typeof(T).GenericTypeArguments[0].Name}");

    private static float? NumberOf(object value) => value switch
    {
        float or double or decimal or byte or sbyte or short or ushort or int or uint or long or ulong =>
            Convert.ToSingle(value, CultureInfo.InvariantCulture),
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetSingle(),
        _ => null,
    };

    private ArgumentException Wrong(string allowed) => new(
        string.Create(CultureInfo.InvariantCulture, $"AdditionalProperties[\"{Name}\"] is {Shown()}; allowed: {allowed}"));

    private string Shown() => Value is string text ? $"'{text}'"
        : Value is IConvertible or JsonElement ? string.Create(CultureInfo.InvariantCulture, $"{Value}")
        : $"a {Value.GetType().Name}";
}
