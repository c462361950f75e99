namespace FluxGrpc.Checkpoints.KeyMaps;

/// <summary>Where a stored tensor goes in the module.</summary>
/// <param name="Target">The module's key.</param>
/// <param name="Slot">Its place among the tensors that are stacked, row by row, into the target.</param>
/// <param name="Slots">How many tensors make up the target.</param>
/// <param name="Form">What has to be changed besides the name.</param>
internal readonly record struct Placement(string Target, int Slot = 0, int Slots = 1, StoredForm Form = StoredForm.AsIs);
