using System.Runtime.Intrinsics.X86;

namespace FluxGrpc.Torch;

/// <summary>What this machine's processor can do, where .NET has no name for it.</summary>
public static class Processor
{
    /// <summary>True with AVX512_BF16 or AMX: bfloat16 matrix products run several times as fast as float32; elsewhere slower.</summary>
    public static bool MultipliesBfloat16 { get; } = HasAvx512Bf16() || HasAmxBf16();

    /// <summary>True on processors by AMD, where MKL takes slow code paths.</summary>
    public static bool IsAmd { get; } = X86Base.IsSupported && X86Base.CpuId(0, 0) is (_, 0x6874_7541, 0x444D_4163, 0x6974_6E65);

    // CPUID leaf 7, sub-leaf 1, EAX bit 5.
    private static bool HasAvx512Bf16() => X86Base.IsSupported && (X86Base.CpuId(7, 1).Eax >> 5 & 1) != 0;

    // CPUID leaf 7, sub-leaf 0, EDX bit 22.
    private static bool HasAmxBf16() => X86Base.IsSupported && (X86Base.CpuId(7, 0).Edx >> 22 & 1) != 0;
}
