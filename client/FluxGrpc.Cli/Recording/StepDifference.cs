using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Recording;

/// <summary>How far a tensor is from the recorded one.</summary>
/// <param name="MaxAbs">Largest absolute difference; NaN where one of them has a NaN, infinity where the shapes differ.</param>
/// <param name="IsBitEqual">True where type, shape and all bytes are the same.</param>
internal readonly record struct StepDifference(float MaxAbs, bool IsBitEqual)
{
    /// <summary>Compares two FLOAT32 or BFLOAT16 tensors.</summary>
    public static StepDifference Between(Tensor recorded, Tensor replayed)
    {
        if (!recorded.Shape.Equals(replayed.Shape))
            return new StepDifference(float.PositiveInfinity, IsBitEqual: false);
        var isBitEqual = recorded.DataType == replayed.DataType && recorded.Data.Equals(replayed.Data);
        return new StepDifference(Differences.MaxAbs(TensorMessage.ToFloats(recorded), TensorMessage.ToFloats(replayed)), isBitEqual);
    }

    /// <summary>True within the tolerance; 0 asks for equal bits.</summary>
    public bool IsWithin(float tolerance) => tolerance == 0 ? IsBitEqual : MaxAbs <= tolerance;
}
