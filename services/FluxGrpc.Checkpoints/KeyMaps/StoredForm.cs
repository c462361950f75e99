namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>How a stored tensor differs from the module's, its name aside.</summary>
internal enum StoredForm
{
    /// <summary>Not at all.</summary>
    AsIs,

    /// <summary>Its upper and lower half of rows are exchanged (scale before shift).</summary>
    HalvesSwapped,

    /// <summary>A matrix [C, C] that the module applies as a convolution [C, C, 1, 1].</summary>
    MatrixOfConvolution,
}
