using FluxGrpc.Denoiser.Model;

namespace FluxGrpc.Cli.Description;

/// <summary>A part of the network, or the same part of several blocks that are alike.</summary>
/// <param name="List">The list of blocks that it is in: "double_blocks"; null for a part of its own.</param>
/// <param name="Name">Its name there.</param>
/// <param name="Row">Its shapes and parameters.</param>
/// <param name="Count">In how many blocks it is.</param>
internal sealed record NetworkPart(string? List, string Name, SummaryRow Row, int Count);
