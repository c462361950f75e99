using System.Globalization;
using System.Text.RegularExpressions;
using FluxGrpc.Checkpoints;
using FluxGrpc.Orchestrator.Sampling;

namespace FluxGrpc.Cli.Verification;

/// <summary>The orchestrator's noise: PyTorch's for the same seed.</summary>
internal sealed partial class NoiseVerification(ReferenceFolder folder, Tolerances tolerances) : IVerification
{
    private const string File = "noise.safetensors";

    /// <summary>The generator works in blocks of so many elements; shorter arrays are drawn in another way.</summary>
    private const int Block = 16;

    public string Name => "noise";

    public string? Obstacle => folder.FirstMissing(File) is null ? null : $"{File} is not there";

    public Task RunAsync(VerificationReport report, CancellationToken cancellation)
    {
        using var numbers = folder.Open(File);
        foreach (var entry in numbers.Tensors.Values.OrderBy(entry => entry.Name, StringComparer.Ordinal))
            Compare(report, numbers, entry);
        return Task.CompletedTask;
    }

    private void Compare(VerificationReport report, SafetensorsFile numbers, TensorEntry entry)
    {
        var name = $"noise.{entry.Name}";
        if (SeedInName().Match(entry.Name) is not { Success: true } match
            || !ulong.TryParse(match.Groups[1].Value, CultureInfo.InvariantCulture, out var seed))
        {
            report.Skip(name, "its name does not tell the seed");
        }
        else if (entry.Type != StorageType.Float32)
        {
            report.Skip(name, "noise in other types than float32 is for information only");
        }
        else
        {
            var expected = FloatArray.Read(numbers, entry.Name);
            var actual = new float[expected.Values.Length];
            Noise.Fill(seed, actual);
            report.Compare(name, new FloatArray(expected.Shape, actual), expected,
                actual.Length < Block ? tolerances.FewNoise : tolerances.Noise);
        }
    }

    [GeneratedRegex(@"\.seed(\d+)\.")]
    private static partial Regex SeedInName();
}
