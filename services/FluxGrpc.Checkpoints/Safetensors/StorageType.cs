namespace FluxGrpc.Checkpoints;

/// <summary>Element types of safetensors files, whole numbers before floating point; the format's own name is given with each.</summary>
public enum StorageType
{
    /// <summary><c>BOOL</c>, one byte.</summary>
    Bool,

    /// <summary><c>U8</c>.</summary>
    UInt8,

    /// <summary><c>I8</c>.</summary>
    Int8,

    /// <summary><c>U16</c>.</summary>
    UInt16,

    /// <summary><c>I16</c>.</summary>
    Int16,

    /// <summary><c>U32</c>.</summary>
    UInt32,

    /// <summary><c>I32</c>.</summary>
    Int32,

    /// <summary><c>U64</c>.</summary>
    UInt64,

    /// <summary><c>I64</c>.</summary>
    Int64,

    /// <summary><c>F8_E4M3</c>: sign, 4 exponent bits of bias 7, 3 bits of mantissa; no infinity, largest value 448.</summary>
    Float8E4M3Fn,

    /// <summary><c>F8_E5M2</c>: sign, 5 exponent bits of bias 15, 2 bits of mantissa.</summary>
    Float8E5M2,

    /// <summary><c>F16</c>.</summary>
    Float16,

    /// <summary><c>BF16</c>.</summary>
    BFloat16,

    /// <summary><c>F32</c>.</summary>
    Float32,

    /// <summary><c>F64</c>.</summary>
    Float64,
}
