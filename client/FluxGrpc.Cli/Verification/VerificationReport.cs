using System.Globalization;

namespace FluxGrpc.Cli.Verification;

/// <summary>One line for each array: <c>name max_abs tolerance ok|FAIL</c>.</summary>
internal sealed class VerificationReport(TextWriter output)
{
    private const int NameWidth = 48;

    /// <summary>Arrays that were compared.</summary>
    public int Compared { get; private set; }

    /// <summary>Arrays out of tolerance, and checks that could not be carried out.</summary>
    public int Failures { get; private set; }

    /// <summary>Compares an array with the reference's; NaN and another shape are failures.</summary>
    public void Compare(string name, FloatArray actual, FloatArray expected, float tolerance)
    {
        if (!actual.Shape.SequenceEqual(expected.Shape))
        {
            Write(name, float.PositiveInfinity, tolerance,
                $"shape {Tensors.Shape.Format(actual.Shape)}, not {Tensors.Shape.Format(expected.Shape)}");
            return;
        }

        Write(name, Differences.MaxAbs(actual.Values, expected.Values), tolerance, "");
    }

    /// <summary>Reports a difference that was found.</summary>
    /// <param name="name">What was compared.</param>
    /// <param name="maxAbs">Largest absolute difference.</param>
    /// <param name="tolerance">Largest one allowed.</param>
    /// <param name="remark">What else there is to say; may be empty.</param>
    public void Write(string name, float maxAbs, float tolerance, string remark)
    {
        var isWithin = maxAbs <= tolerance; // False for NaN.
        Compared++;
        Failures += isWithin ? 0 : 1;
        WriteLine(name, Format(maxAbs), Format(tolerance), isWithin ? "ok" : "FAIL", remark);
    }

    /// <summary>Reports a check that could not be carried out: a service that did not start or refused its input.</summary>
    public void Fail(string name, string problem)
    {
        Failures++;
        WriteLine(name, "nan", "-", "FAIL", problem);
    }

    /// <summary>Tells what is not compared, and why.</summary>
    public void Skip(string name, string reason) => WriteLine(name, "-", "-", "skipped", reason);

    private void WriteLine(string name, string maxAbs, string tolerance, string verdict, string remark)
    {
        var line = $"{name.PadRight(NameWidth)} {maxAbs,9} {tolerance,9} {verdict}";
        output.WriteLine(remark.Length == 0 ? line : $"{line} ({remark.ReplaceLineEndings(" ")})");
    }

    private static string Format(float value) => value == 0 ? "0" : value.ToString("0.0e+00", CultureInfo.InvariantCulture);
}
