using FluxGrpc.Orchestrator.Requests;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>What the images of a request have in common on their way through the denoisers.</summary>
/// <param name="Request">The request.</param>
/// <param name="Facts">The models that it was checked against.</param>
/// <param name="Conditioning">Its encoded prompt.</param>
/// <param name="Negative">Its encoded negative prompt, or null.</param>
internal sealed record DenoisingOrder(
    GenerationRequest Request, ModelFacts Facts, TextEncoderServiceEncodeResponse Conditioning, TextEncoderServiceEncodeResponse? Negative);
