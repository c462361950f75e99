using FluxGrpc.V1;
using Microsoft.Extensions.AI;

namespace FluxGrpc.Client.AI;

/// <summary>What the server told of a generation, as <see cref="ImageGenerationResponse.RawRepresentation"/>.</summary>
/// <param name="Accepted">What was done, with every default filled in, and the model's name.</param>
/// <param name="Encoded">How the prompt fared in the tokenizers: whether it was cut off.</param>
/// <param name="Finished">The times.</param>
public sealed record FluxGeneration(GenerationAccepted Accepted, PromptEncoded Encoded, GenerationFinished Finished);
