namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>An image.</summary>
/// <param name="B64Json">The file; base64 in JSON.</param>
/// <param name="Seed">Its seed as digits, which not every JSON reader could hold as a number. This server's own addition.</param>
internal sealed record ImageData(ReadOnlyMemory<byte> B64Json, string Seed);
