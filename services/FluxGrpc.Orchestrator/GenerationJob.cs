using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.Orchestrator.Tier;
using Grpc.Core;

namespace FluxGrpc.Orchestrator;

/// <summary>A request that was admitted.</summary>
/// <param name="Request">What to do.</param>
/// <param name="Facts">The models, as the request was checked against.</param>
/// <param name="Turn">Its turn in the queue.</param>
/// <param name="Options">Deadline and cancellation, passed on to every call.</param>
/// <param name="Arrived">Timestamp of the call's arrival.</param>
internal sealed record GenerationJob(GenerationRequest Request, ModelFacts Facts, Turn Turn, CallOptions Options, long Arrived);
