using FluxGrpc.Orchestrator.Tier.Discovery;
using FluxGrpc.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>All replicas of one kind of service, and the rules by which they are given work.</summary>
internal sealed partial class ServiceTier : IAsyncDisposable
{
    private readonly ReplicaDirectory _directory;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long[] _moves = new long[Enum.GetValues<ReplicaChangeReason>().Length];
    private string? _lastProblem;
    private long _repeatedSteps;

    /// <param name="kind">What they are.</param>
    /// <param name="target">Where they are found: see <see cref="ReplicaTarget"/>.</param>
    /// <param name="options">Limits of time.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Gets what goes wrong.</param>
    public ServiceTier(ServiceKind kind, string target, OrchestratorOptions options, TimeProvider time, ILogger logger)
    {
        (Kind, _time, _logger) = (kind, time, logger);
        var patience = new Patience(TimeSpan.FromSeconds(options.TierWaitSeconds), time);
        Replicas = new ReplicaSet(kind, options.TierSecurity(), time);
        Times = new StepTimes(TimeSpan.FromSeconds(options.StepTimeoutSeconds));
        Retries = new WorkRetries(kind.Name, patience, time, logger);
        _directory = new ReplicaDirectory(
            ReplicaTarget.Parse(target, options.TierSecurity().NeedsTls), Replicas.SetAddresses, NoteProblem, time);
    }

    /// <summary>What they are.</summary>
    public ServiceKind Kind { get; }

    /// <summary>Those there are.</summary>
    public ReplicaSet Replicas { get; }

    /// <summary>How long an exchange may take.</summary>
    public StepTimes Times { get; }

    /// <summary>When failed work is done again.</summary>
    public WorkRetries Retries { get; }

    /// <summary>Steps that were sent again because their replica was lost.</summary>
    public long RepeatedSteps => Volatile.Read(ref _repeatedSteps);

    /// <summary>Times that a session went on at another replica for a reason.</summary>
    public long Moves(ReplicaChangeReason reason) => Volatile.Read(ref _moves[(int)reason]);

    /// <summary>Counts a step that is sent again.</summary>
    public void CountRepeatedStep() => Interlocked.Increment(ref _repeatedSteps);

    /// <summary>Counts a session that went on at another replica.</summary>
    public void CountMove(ReplicaChangeReason reason) => Interlocked.Increment(ref _moves[(int)reason]);

    /// <summary>Starts to look for replicas; returns when the first list is there or cannot be had.</summary>
    /// <exception cref="OperationCanceledException">The tier was disposed.</exception>
    public Task StartAsync() => _directory.StartAsync();

    /// <summary>Has one of the replicas answer a call.</summary>
    /// <param name="fingerprint">The model that it needs.</param>
    /// <param name="call">The call; made again, at another replica, where that can help.</param>
    /// <param name="options">The caller's deadline and cancellation.</param>
    /// <inheritdoc cref="WorkRetries.ExecuteAsync{T}" path="/exception"/>
    public Task<T> CallAsync<T>(string fingerprint, Func<ChannelBase, CallOptions, Task<T>> call, CallOptions options) =>
        Retries.ExecuteAsync(async (attempts, cancellation) =>
        {
            using var lease = await Replicas.AcquireAsync(fingerprint, work: 1, attempts, cancellation);
            var replica = lease.Replica;
            var started = _time.GetTimestamp();
            try
            {
                var result = await replica.Circuit.ExecuteAsync(
                    token => call(replica.Channel, options.WithCancellationToken(token)), Times.Limit(1), cancellation);
                Times.Add(1, _time.GetElapsedTime(started));
                replica.NoteProgress();
                return result;
            }
            catch (Exception failure) when (!cancellation.IsCancellationRequested)
            {
                attempts.Note(replica, failure);
                throw;
            }
        }, options);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _directory.Dispose();
        await Replicas.DisposeAsync();
    }

    private void NoteProblem(string problem)
    {
        if (problem != _lastProblem)
            LogProblem(_logger, Kind.Name, problem);
        _lastProblem = problem;
        Replicas.NoteMissingList();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Kind}: {Problem}; the addresses stay as they were")]
    private static partial void LogProblem(ILogger logger, string kind, string problem);
}
