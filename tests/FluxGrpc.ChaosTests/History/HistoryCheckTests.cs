using FluxGrpc.ChaosTests.Faults;
using FluxGrpc.ChaosTests.Traffic;
using FluxGrpc.V1;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ChaosTests.History;

/// <summary>The judge itself: a good history passes, and each way to be bad is seen.</summary>
public sealed class HistoryCheckTests
{
    private static readonly Order _order = new(0, "a red circle", 96, 96, Steps: 3, Seed: 7, Priority.Interactive);

    [Fact]
    public void A_good_history_passes() => Assert.Empty(HistoryCheck.Violations(Good()));

    [Fact]
    public void A_failed_image_is_seen() => Assert.Contains(
        "image-00 failed: Status(StatusCode=\"Unavailable\", Detail=\"gone\")", HistoryCheck.Violations(Good() with
        {
            Deliveries = [new Delivery(_order, Disturbed, new RpcException(new Status(StatusCode.Unavailable, "gone")))],
        }));

    [Fact]
    public void Another_byte_is_seen() =>
        AssertSees("image-00 differs from its undisturbed twin", Good() with { Deliveries = [Delivered(Disturbed, Image(1, 2, 4))] });

    [Fact]
    public void A_second_image_is_seen() =>
        AssertSees("image-00 has 2 images", Good() with { Deliveries = [Delivered([.. Disturbed, Image(1, 2, 3)], Image(1, 2, 3))] });

    [Fact]
    public void A_step_that_the_client_saw_twice_is_seen() =>
        AssertSees("image-00 has the steps 0 1 1 2", Good() with
        {
            Deliveries = [Delivered([Step(0), Lost(1), Step(1), Step(1), Step(2)])],
        });

    [Fact]
    public void A_take_over_at_an_earlier_step_is_seen() =>
        AssertSees("image-00 went on at step 0 where 1 was to come", Good() with
        {
            Deliveries = [Delivered([Step(0), Lost(0), Step(1), Step(2)])],
        });

    [Fact]
    public void More_repeated_steps_than_faults_in_the_time_of_the_image_are_seen() =>
        AssertSees("image-00 repeated 2 steps in the time of 1 faults", Good() with
        {
            Deliveries = [Delivered(Disturbed, finished: new GenerationFinished { ReplicaChanges = 1, RepeatedSteps = 2 })],
            Faults = [.. AllFaults.Select((fault, number) => fault with { At = TimeSpan.FromSeconds(4 + number) })],
        });

    [Fact]
    public void A_step_repeated_in_silence_is_seen() =>
        AssertSees("5 steps were answered, 3 arrived, 1 are said to have been repeated", Good() with { StepsAnswered = 5 });

    [Fact]
    public void A_run_without_faults_is_seen() => AssertSees("no image lost its denoiser", Good() with
    {
        Deliveries = [Delivered([Step(0), Step(1), Step(2)], finished: new GenerationFinished())],
        StepsAnswered = 3,
    });

    [Fact]
    public void A_kind_of_fault_that_never_struck_is_seen() =>
        AssertSees("no fault of the kind Drain", Good() with { Faults = [.. AllFaults.Where(fault => fault.Kind != FaultKind.Drain)] },
            "3 of 4 faults struck before the traffic ended");

    [Fact]
    public void A_session_that_is_left_is_seen() => AssertSees("denoiser-1.1 still has 1 sessions, 0 waiting, work 40", Good() with
    {
        LoadsAfter = [Load(tensors: 100, memory: 1000, sessions: 1)],
    });

    [Fact]
    public void A_tensor_that_is_left_is_seen() => AssertSees("denoiser-1.1 has 101 live tensors; before: 100", Good() with
    {
        LoadsAfter = [Load(tensors: 101, memory: 1000)],
    });

    [Fact]
    public void Memory_that_is_left_is_seen() => AssertSees("denoiser-1.1 has 65 MiB resident; before: 0, allowed: 64 more", Good() with
    {
        LoadsAfter = [Load(tensors: 100, memory: HistoryCheck.MemoryAllowance + (1 << 20))],
    });

    [Fact]
    public void Work_that_the_orchestrator_still_counts_is_seen() =>
        AssertSees("the orchestrator counts 1 sessions and work 40 at denoiser http://a", Good() with
        {
            StatusAfter = new GetStatusResponse
            {
                Components = { new ComponentStatus { Component = "denoiser", Address = "http://a", Sessions = 1, OutstandingWork = 40 } },
            },
        });

    private static GenerateResponse[] Disturbed => [Step(0), Lost(1), Step(1), Step(2)];

    private static StruckFault[] AllFaults =>
        [.. Enum.GetValues<FaultKind>().Select(kind => new StruckFault(kind, "denoiser-1", TimeSpan.FromSeconds(1)))];

    private static RunHistory Good() => new()
    {
        Twins = [Delivered([Step(0), Step(1), Step(2)], finished: new GenerationFinished())],
        Deliveries = [Delivered(Disturbed)],
        Faults = AllFaults,
        PlannedFaults = 4,
        LoadsBefore = [Load(tensors: 100, memory: 0)],
        LoadsAfter = [Load(tensors: 99, memory: 1 << 20)],
        StepsAnswered = 4,
        StatusAfter = new GetStatusResponse(),
    };

    private static void AssertSees(string violation, RunHistory history, params string[] others) =>
        Assert.Equal([.. others, violation], HistoryCheck.Violations(history));

    private static Delivery Delivered(
        GenerateResponse[] events, GenerateResponse? image = null, GenerationFinished? finished = null)
    {
        finished ??= new GenerationFinished { ReplicaChanges = 1, RepeatedSteps = 1 };
        GenerateResponse[] all = [.. events, image ?? Image(1, 2, 3), new GenerateResponse { Finished = finished }];
        return new Delivery(_order, all, null) { Begin = TimeSpan.FromSeconds(1), End = TimeSpan.FromSeconds(4) };
    }

    private static GenerateResponse Step(int index) => new() { Step = new StepCompleted { StepIndex = index, Steps = 3 } };

    private static GenerateResponse Lost(int next) => new()
    {
        ReplicaChanged = new ReplicaChanged { StepIndex = next, Reason = ReplicaChangeReason.Lost },
    };

    private static GenerateResponse Image(params byte[] bytes) =>
        new() { Image = new GeneratedImage { Data = ByteString.CopyFrom(bytes) } };

    private static GetLoadResponse Load(long tensors, long memory, int sessions = 0) => new()
    {
        ReplicaId = "denoiser-1.1",
        LiveTensors = tensors,
        ResidentMemoryBytes = memory,
        Sessions = sessions,
        QueuedWork = 40 * sessions,
    };
}
