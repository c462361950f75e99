using System.Globalization;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.Tensors;

namespace FluxGrpc.Cli.Description;

/// <summary>A transformer as a Mermaid flowchart: how the inputs flow through its parts, with shapes and parameters.</summary>
internal static class NetworkDiagram
{
    /// <summary>Writes the diagram's text.</summary>
    public static string Write(TransformerConfig config, IReadOnlyList<SummaryRow> rows)
    {
        var lines = new List<string> { "flowchart TD" };
        AddEmbedding(lines, rows, "img", "latents", "img_in");
        AddEmbedding(lines, rows, "txt", "T5 hidden states", "txt_in");
        AddEmbedding(lines, rows, "time", "timestep", "time_in");
        if (config.TakesGuidance)
            AddEmbedding(lines, rows, "guidance", "guidance", "guidance_in");
        AddEmbedding(lines, rows, "vector", "CLIP pooled", "vector_in");

        lines.Add("  vec((\"vec: sum\"))");
        lines.Add($"  time_in & {(config.TakesGuidance ? "guidance_in & " : "")}vector_in --> vec");
        lines.Add(Node("double_blocks", Blocks("double", config.DoubleBlockCount), rows));
        lines.Add(Node("single_blocks", Blocks("single", config.SingleBlockCount), rows));
        lines.Add(Node("final_layer", "final_layer", rows));
        lines.Add("  img_in --> double_blocks");
        lines.Add("  txt_in --> double_blocks");
        lines.Add("  double_blocks -- \"text, then image tokens\" --> single_blocks");
        lines.Add("  single_blocks -- \"image tokens\" --> final_layer");
        lines.Add("  vec -. modulates .-> double_blocks & single_blocks & final_layer");
        lines.Add($"  final_layer --> velocity[/\"velocity {Shape.Format(rows[^1].OutputShape)}\"/]");
        return string.Join(Environment.NewLine, lines);
    }

    private static string Blocks(string kind, int count) => string.Create(CultureInfo.InvariantCulture, $"{count} {kind}-stream blocks");

    private static void AddEmbedding(List<string> lines, IReadOnlyList<SummaryRow> rows, string input, string label, string module)
    {
        var row = rows.First(row => row.Module == module);
        lines.Add(Node(module, module, rows));
        lines.Add($"  {input}[/\"{label} {Shape.Format(row.InputShape)}\"/] --> {module}");
    }

    private static string Node(string module, string label, IReadOnlyList<SummaryRow> rows)
    {
        var parameters = rows.Where(row => row.Module == module || row.Module.StartsWith($"{module}.", StringComparison.Ordinal))
            .Sum(row => row.ParameterCount);
        return $"  {module}[\"{label}<br/>{Numbers.Grouped(parameters)}\"]";
    }
}
