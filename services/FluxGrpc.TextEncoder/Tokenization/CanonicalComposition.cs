using System.Globalization;
using System.Text;

namespace FluxGrpc.TextEncoder.Tokenization;

/// <summary>
/// Unicode's Normalization Form C (UAX #15): "e" + combining acute becomes "é". .NET's own <see cref="string.Normalize()"/> does
/// nothing where it runs without ICU, as in small containers.
/// </summary>
internal static class CanonicalComposition
{
    // Nothing below composes with what precedes it, or decomposes into something that does not compose again.
    private const char FirstAffected = '\u0300';

    private const int SyllableBase = 0xAC00;
    private const int LeadBase = 0x1100;
    private const int VowelBase = 0x1161;
    private const int TrailBase = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TrailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TrailCount;

    private static readonly UnicodeTables _tables = UnicodeTables.Load();

    /// <summary>Composes a well-formed string.</summary>
    public static string Compose(string text)
    {
        if (text.AsSpan().IndexOfAnyInRange(FirstAffected, char.MaxValue) < 0)
            return text;

        var points = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, points);
        Reorder(points);
        ComposePairs(points);

        var composed = new StringBuilder(text.Length);
        foreach (var point in points)
            composed.Append(new Rune(point).ToString());
        return composed.ToString();
    }

    private static void Decompose(int point, List<int> points)
    {
        var syllable = point - SyllableBase;
        if (syllable is >= 0 and < SyllableCount)
        {
            points.Add(LeadBase + syllable / (VowelCount * TrailCount));
            points.Add(VowelBase + syllable / TrailCount % VowelCount);
            if (syllable % TrailCount != 0)
                points.Add(TrailBase + syllable % TrailCount);
        }
        else if (_tables.Decompositions.TryGetValue(point, out var parts))
        {
            foreach (var part in parts)
                Decompose(part, points);
        }
        else
        {
            points.Add(point);
        }
    }

    /// <summary>Sorts each run of combining marks by class; equal classes keep their order.</summary>
    private static void Reorder(List<int> points)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var (point, combining) = (points[i], Class(points[i]));
            var place = i;
            while (combining != 0 && place > 0 && Class(points[place - 1]) > combining)
            {
                points[place] = points[place - 1];
                place--;
            }

            points[place] = point;
        }
    }

    private static void ComposePairs(List<int> points)
    {
        var (length, starter, lastClass) = (0, -1, 0);
        foreach (var point in points.ToArray())
        {
            var combining = Class(point);
            var adjacent = starter == length - 1;
            var blocked = !adjacent && lastClass >= combining;
            if (starter >= 0 && !blocked && TryCompose(points[starter], point, out var composite))
            {
                points[starter] = composite;
                continue;
            }

            if (combining == 0)
                starter = length;
            lastClass = combining;
            points[length++] = point;
        }

        points.RemoveRange(length, points.Count - length);
    }

    private static bool TryCompose(int first, int second, out int composite)
    {
        var (lead, vowel) = (first - LeadBase, second - VowelBase);
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
        {
            composite = SyllableBase + (lead * VowelCount + vowel) * TrailCount;
            return true;
        }

        var (syllable, trail) = (first - SyllableBase, second - TrailBase);
        if (syllable is >= 0 and < SyllableCount && syllable % TrailCount == 0 && trail is > 0 and < TrailCount)
        {
            composite = first + trail;
            return true;
        }

        return _tables.Compositions.TryGetValue((first, second), out composite);
    }

    private static int Class(int point) => _tables.Classes.GetValueOrDefault(point);

    /// <summary>The embedded file CanonicalComposition.txt, whose head explains its lines.</summary>
    private sealed record UnicodeTables(
        Dictionary<int, int[]> Decompositions, Dictionary<(int, int), int> Compositions, Dictionary<int, int> Classes)
    {
        public static UnicodeTables Load()
        {
            var tables = new UnicodeTables([], [], []);
            using var stream = typeof(CanonicalComposition).Assembly.GetManifestResourceStream("CanonicalComposition.txt")!;
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                if (line[0] == '@')
                    tables.AddClass(line[1..].Split(' '));
                else if (line[0] != '#')
                    tables.AddDecomposition(line.TrimStart('!').Split(' '), composes: line[0] != '!');
            }

            return tables;
        }

        private void AddClass(string[] fields)
        {
            foreach (var range in fields[1..])
            {
                var ends = range.Split('-');
                for (var point = Hex(ends[0]); point <= Hex(ends[^1]); point++)
                    Classes.Add(point, int.Parse(fields[0], CultureInfo.InvariantCulture));
            }
        }

        private void AddDecomposition(string[] fields, bool composes)
        {
            var parts = Array.ConvertAll(fields[1..], Hex);
            Decompositions.Add(Hex(fields[0]), parts);
            if (composes)
                Compositions.Add((parts[0], parts[1]), Hex(fields[0]));
        }

        private static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
