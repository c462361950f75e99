namespace FluxGrpc.Cli.Cluster;

/// <summary>The prompts that the orchestrator remembers.</summary>
/// <param name="Entries">Prompts remembered.</param>
/// <param name="Bytes">Bytes of their tensors.</param>
/// <param name="MaxBytes">Bytes they may take.</param>
/// <param name="Hits">Requests whose prompt was remembered.</param>
/// <param name="Misses">Requests whose prompt was not.</param>
internal sealed record PromptCacheSnapshot(int Entries, long Bytes, long MaxBytes, long Hits, long Misses);
