namespace FluxGrpc.Denoiser.Model;

/// <summary>One part of a network, as a table shows it.</summary>
/// <param name="Module">Its key: "double_blocks.0.img_attn".</param>
/// <param name="InputShape">Shape of its main input for the size asked for.</param>
/// <param name="OutputShape">Shape of what it makes of it.</param>
/// <param name="ParameterCount">Learned parameters in it.</param>
public sealed record SummaryRow(
    string Module, IReadOnlyList<long> InputShape, IReadOnlyList<long> OutputShape, long ParameterCount);
