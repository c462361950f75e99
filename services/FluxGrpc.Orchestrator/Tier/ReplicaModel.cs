using Google.Protobuf;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>What a replica says of its model. Holds for as long as the replica stays SERVING.</summary>
/// <param name="Fingerprint">Equal where the answers are equal.</param>
/// <param name="Info">Its answer to GetModelInfo.</param>
internal sealed record ReplicaModel(string Fingerprint, IMessage Info);
