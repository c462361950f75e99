namespace FluxGrpc.Benchmarks;

/// <summary>Pictures of the mini model that benchmarks compare.</summary>
internal static class DrawnPictures
{
    private static readonly string[] _prompts =
    [
        "a red circle left of a blue square on a white background", "a large yellow star in the center on a purple background",
        "a green triangle above an orange ring on a black background", "a small gray cross in the top left on a red background",
    ];

    /// <summary>What the picture with a seed shows.</summary>
    public static string PromptOf(int seed) => _prompts[seed % _prompts.Length];

    /// <summary>Mean absolute difference of the pixels' values, of 255.</summary>
    public static double MeanDifference(byte[] one, byte[] other) => one.Zip(other, (left, right) => Math.Abs(left - right)).Average();
}
