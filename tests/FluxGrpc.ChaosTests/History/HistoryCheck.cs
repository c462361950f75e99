using FluxGrpc.ChaosTests.Faults;
using FluxGrpc.ChaosTests.Traffic;
using FluxGrpc.V1;

namespace FluxGrpc.ChaosTests.History;

/// <summary>Judges a run by its history alone.</summary>
internal static class HistoryCheck
{
    /// <summary>
    /// What a process may hold more than before: allocator and runtime keep pages of the busiest moment. Measured: at most 24 MiB
    /// after 12 images and after 120, of about 240 MiB. The live tensors are counted without any allowance.
    /// </summary>
    public const long MemoryAllowance = 64L << 20;

    /// <summary>Everything that is wrong, one line each.</summary>
    public static IReadOnlyList<string> Violations(RunHistory history) =>
    [
        .. history.Problems,
        .. FaultViolations(history),
        .. history.Deliveries.SelectMany(delivery => DeliveryViolations(delivery, history.TwinOf(delivery))),
        .. history.Deliveries.SelectMany(delivery => RepetitionViolations(delivery, history.Faults)),
        .. SilentRepetitionViolations(history),
        .. LeftoverViolations(history),
    ];

    /// <summary>A run in which nothing happened proves nothing.</summary>
    private static IEnumerable<string> FaultViolations(RunHistory history)
    {
        if (history.Faults.Count < history.PlannedFaults)
            yield return $"{history.Faults.Count} of {history.PlannedFaults} faults struck before the traffic ended";
        foreach (var kind in Enum.GetValues<FaultKind>().Except(history.Faults.Select(fault => fault.Kind)))
            yield return $"no fault of the kind {kind}";
        if (!history.Deliveries.Any(delivery => delivery.ReplicaChanges.Any(change => change.Reason == ReplicaChangeReason.Lost)))
            yield return "no image lost its denoiser";
    }

    private static IEnumerable<string> DeliveryViolations(Delivery delivery, Delivery? twin)
    {
        var name = delivery.Order.Name;
        if (delivery.Failure is { } failure)
            yield return $"{name} failed: {failure.Status}";
        byte[][] files = [.. delivery.Files];
        if (files.Length != 1)
            yield return $"{name} has {files.Length} images";
        byte[][] twins = [.. twin?.Files ?? []];
        if (twins.Length != 1)
            yield return $"the twin of {name} has {twins.Length} images: {twin?.Failure?.Status}";
        if (files.Length == 1 && twins.Length == 1 && !files[0].AsSpan().SequenceEqual(twins[0]))
            yield return $"{name} differs from its undisturbed twin";
        if (!delivery.Steps.Select(step => step.StepIndex).SequenceEqual(Enumerable.Range(0, delivery.Order.Steps)))
            yield return $"{name} has the steps {string.Join(' ', delivery.Steps.Select(step => step.StepIndex))}";
        foreach (var problem in ContinuationViolations(delivery))
            yield return $"{name} {problem}";
    }

    /// <summary>Each change of the replica goes on at the step after the last one that was done, and is counted.</summary>
    private static IEnumerable<string> ContinuationViolations(Delivery delivery)
    {
        var next = 0;
        foreach (var happened in delivery.Events)
        {
            if (happened.Step is { } step)
                next = step.StepIndex + 1;
            if (happened.ReplicaChanged is { } change && change.StepIndex != next)
                yield return $"went on at step {change.StepIndex} where {next} was to come";
        }

        var changes = delivery.ReplicaChanges.Count();
        if (delivery.Finished is { } finished && finished.ReplicaChanges != changes)
            yield return $"counts {finished.ReplicaChanges} replica changes and told of {changes}";
    }

    /// <summary>An image repeats at most one step for each fault that was there while it was made.</summary>
    private static IEnumerable<string> RepetitionViolations(Delivery delivery, IReadOnlyList<StruckFault> faults)
    {
        var events = faults.Count(fault => fault.At <= delivery.End && fault.RepairedAt >= delivery.Begin);
        if (delivery.Finished?.RepeatedSteps > events)
            yield return $"{delivery.Order.Name} repeated {delivery.Finished.RepeatedSteps} steps in the time of {events} faults";
    }

    /// <summary>What the denoisers answered against what arrived: a step that was repeated without being counted shows here.</summary>
    private static IEnumerable<string> SilentRepetitionViolations(RunHistory history)
    {
        var arrived = history.Deliveries.Sum(delivery => delivery.Steps.Count());
        var repeated = history.Deliveries.Sum(delivery => delivery.Finished?.RepeatedSteps ?? 0);
        if (history.StepsAnswered > arrived + repeated)
            yield return $"{history.StepsAnswered} steps were answered, {arrived} arrived, {repeated} are said to have been repeated";
    }

    private static IEnumerable<string> LeftoverViolations(RunHistory history)
    {
        var tensors = history.LoadsBefore.Max(load => load.LiveTensors);
        var memory = history.LoadsBefore.Max(load => load.ResidentMemoryBytes);
        foreach (var load in history.LoadsAfter)
        {
            if (load.Sessions != 0 || load.WaitingSessions != 0 || load.QueuedWork != 0)
                yield return $"{load.ReplicaId} still has {load.Sessions} sessions, {load.WaitingSessions} waiting, work {load.QueuedWork}";
            if (load.LiveTensors > tensors)
                yield return $"{load.ReplicaId} has {load.LiveTensors} live tensors; before: {tensors}";
            if (load.ResidentMemoryBytes > memory + MemoryAllowance)
            {
                yield return $"{load.ReplicaId} has {load.ResidentMemoryBytes >> 20} MiB resident; before: {memory >> 20}, "
                    + $"allowed: {MemoryAllowance >> 20} more";
            }
        }

        var status = history.StatusAfter;
        if (status.Generations != 0 || status.Waiting != 0 || status.QueuedWork != 0 || status.Detached != 0)
        {
            yield return $"the orchestrator still has {status.Generations} generations, {status.Waiting} waiting, work "
                + $"{status.QueuedWork}, {status.Detached} detached";
        }

        foreach (var component in status.Components.Where(component => component.OutstandingWork != 0 || component.Sessions != 0))
        {
            yield return $"the orchestrator counts {component.Sessions} sessions and work {component.OutstandingWork} at "
                + $"{component.Component} {component.Address}";
        }
    }
}
