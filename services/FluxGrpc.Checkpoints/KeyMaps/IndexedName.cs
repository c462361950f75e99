using System.Globalization;

namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>Names of the form <c>blocks.7.rest</c>.</summary>
internal static class IndexedName
{
    /// <summary>Splits a name at its first two dots, where a plain number stands between them.</summary>
    public static bool TryParse(string name, out string list, out int index, out string rest)
    {
        var first = name.IndexOf('.', StringComparison.Ordinal);
        var second = first < 0 ? -1 : name.IndexOf('.', first + 1);
        (list, index, rest) = ("", 0, "");
        if (second < 0)
            return false;
        var digits = name.AsSpan(first + 1, second - first - 1);
        if (digits is ['0', _, ..] || !int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out index))
            return false;
        (list, rest) = (name[..first], name[(second + 1)..]);
        return true;
    }
}
