namespace FluxGrpc.Orchestrator.Tier;

/// <summary>When a session is worth moving to a replica that has less to do. All work is in steps × tokens.</summary>
internal static class Rebalancing
{
    /// <summary>Steps that a session stays before it may move again.</summary>
    public const int LeastStay = 3;

    /// <summary>Steps that must be left: the last ones are not worth a move.</summary>
    public const int LeastSteps = 3;

    /// <summary>Steps by which the other replica must be ahead: a move costs about one.</summary>
    private const int LeastGain = 2;

    /// <summary>The other replica must be ahead by this part of the work here as well.</summary>
    private const int GainDivisor = 10;

    /// <summary>
    /// True where the replica over there would, with the session, still have clearly less to do than the one here has with it.
    /// Each such move makes the load more even, so moves come to an end.
    /// </summary>
    /// <param name="here">Outstanding work of the replica that has the session, the session's included.</param>
    /// <param name="there">Outstanding work of the other.</param>
    /// <param name="session">Work of the session.</param>
    /// <param name="step">Work of one of its steps.</param>
    public static bool IsWorthwhile(long here, long there, long session, long step) =>
        here - (there + session) >= Math.Max(LeastGain * step, here / GainDivisor);
}
