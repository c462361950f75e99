using FluxGrpc.ChaosTests.Faults;
using FluxGrpc.ChaosTests.Traffic;
using FluxGrpc.V1;

namespace FluxGrpc.ChaosTests.History;

/// <summary>All that a run is judged by.</summary>
internal sealed record RunHistory
{
    /// <summary>The orders carried out one by one on the undisturbed tier.</summary>
    public required IReadOnlyList<Delivery> Twins { get; init; }

    /// <summary>The same orders during the faults, some of them several times.</summary>
    public required IReadOnlyList<Delivery> Deliveries { get; init; }

    /// <summary>The faults that struck.</summary>
    public required IReadOnlyList<StruckFault> Faults { get; init; }

    /// <summary>Number of faults that were planned.</summary>
    public required int PlannedFaults { get; init; }

    /// <summary>The denoisers after the twins, idle.</summary>
    public required IReadOnlyList<GetLoadResponse> LoadsBefore { get; init; }

    /// <summary>The denoisers at the end, idle; some of them were started again in between.</summary>
    public required IReadOnlyList<GetLoadResponse> LoadsAfter { get; init; }

    /// <summary>Steps that the denoisers answered during the faults, those of killed ones counted as far as they are known.</summary>
    public required long StepsAnswered { get; init; }

    /// <summary>The orchestrator's view at the end.</summary>
    public required GetStatusResponse StatusAfter { get; init; }

    /// <summary>The undisturbed delivery of the same order.</summary>
    public Delivery? TwinOf(Delivery delivery) => Twins.FirstOrDefault(twin => twin.Order == delivery.Order);

    /// <summary>What else went wrong on the way.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];
}
