using System.Globalization;

namespace FluxGrpc.ChaosTests;

/// <summary>Size and seed of a chaos run: small by default, large by environment variables.</summary>
/// <param name="Seed">Everything planned follows from it: FLUX_CHAOS_SEED.</param>
/// <param name="Images">Images that are ordered: FLUX_CHAOS_IMAGES.</param>
/// <param name="Faults">Faults that strike: FLUX_CHAOS_FAULTS.</param>
/// <param name="InFlight">Images in hand at a time: FLUX_CHAOS_IN_FLIGHT.</param>
internal sealed record ChaosOptions(int Seed, int Images, int Faults, int InFlight)
{
    private const int DefaultSeed = 20_261_125;

    /// <summary>Least number of faults: each kind once.</summary>
    private const int DefaultFaults = 4;

    /// <summary>Reads the environment.</summary>
    /// <exception cref="FormatException">A variable is not a positive whole number.</exception>
    public static ChaosOptions FromEnvironment()
    {
        var images = Read("FLUX_CHAOS_IMAGES", 12);
        return new ChaosOptions(
            Read("FLUX_CHAOS_SEED", DefaultSeed),
            images,
            Read("FLUX_CHAOS_FAULTS", Math.Max(DefaultFaults, images / 3)),
            Read("FLUX_CHAOS_IN_FLIGHT", 6));
    }

    private static int Read(string variable, int unset)
    {
        var text = Environment.GetEnvironmentVariable(variable);
        if (string.IsNullOrEmpty(text))
            return unset;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0
            ? value
            : throw new FormatException($"{variable} is '{text}'; allowed: 1 to {int.MaxValue}");
    }
}
