namespace FluxGrpc.ChaosTests.Faults;

/// <summary>Draws the faults of a run from a seed, spread over its steps; each kind comes once in every four.</summary>
internal static class FaultPlan
{
    /// <summary>Draws the plan.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="faults">How many.</param>
    /// <param name="denoisers">Whom they may strike.</param>
    /// <param name="steps">Steps of the whole run.</param>
    /// <param name="stepTimeout">What a freeze outlasts and a hiccup does not.</param>
    public static IReadOnlyList<Fault> Draw(int seed, int faults, int denoisers, int steps, TimeSpan stepTimeout)
    {
        var random = new Random(seed);
        var kinds = Enum.GetValues<FaultKind>();
        var meanPause = steps / (faults + 1);
        List<Fault> plan = [];
        for (var i = 0; i < faults; i++)
        {
            if (i % kinds.Length == 0)
                random.Shuffle(kinds);
            var kind = kinds[i % kinds.Length];
            plan.Add(new Fault(kind, random.Next(denoisers), random.Next(meanPause / 2, meanPause + 1), Outage(random, kind, stepTimeout)));
        }

        return plan;
    }

    private static TimeSpan Outage(Random random, FaultKind kind, TimeSpan stepTimeout) => kind switch
    {
        FaultKind.Freeze => stepTimeout * (1.5 + random.NextDouble()),
        FaultKind.Hiccup => stepTimeout * (0.1 + (0.3 * random.NextDouble())),
        _ => TimeSpan.Zero,
    };
}
