using FluxGrpc.Checkpoints;
using FluxGrpc.Testing;
using static TorchSharp.torch;

namespace FluxGrpc.UnitTests.Checkpoints;

/// <summary>Writes official weights under diffusers' names: the way back, independent of the maps under test.</summary>
internal static class DiffusersCheckpoint
{
    /// <summary>Every official tensor, cut into the tensors that the diffusers library stores instead.</summary>
    public static void WriteTransformer(string path, GoldenFile official, long hidden)
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(path, official.Names.SelectMany(name => Split(name, official[name], hidden))
            .Select(pair => TensorContent.Of(pair.Name, pair.Value)));
    }

    private static IEnumerable<(string Name, Tensor Value)> Split(string name, Tensor value, long hidden)
    {
        var parts = name.Split('.');
        var leaf = parts[^1];
        if (parts[0] == "double_blocks")
            return SplitDouble($"transformer_blocks.{parts[1]}.", string.Join('.', parts[2..^1]), leaf, value, hidden);
        if (parts[0] == "single_blocks")
            return SplitSingle($"single_transformer_blocks.{parts[1]}.", string.Join('.', parts[2..^1]), leaf, value, hidden);
        var module = string.Join('.', parts[..^1]);
        if (module == "final_layer.adaLN_modulation.1")
            return [("norm_out.linear." + leaf, cat([Rows(value, hidden, hidden), Rows(value, 0, hidden)]))];
        var renamed = module switch
        {
            "img_in" => "x_embedder",
            "txt_in" => "context_embedder",
            "final_layer.linear" => "proj_out",
            _ => "time_text_embed." + module.Replace("time_in", "timestep_embedder", StringComparison.Ordinal)
                .Replace("vector_in", "text_embedder", StringComparison.Ordinal)
                .Replace("guidance_in", "guidance_embedder", StringComparison.Ordinal)
                .Replace("in_layer", "linear_1", StringComparison.Ordinal).Replace("out_layer", "linear_2", StringComparison.Ordinal),
        };
        return [($"{renamed}.{leaf}", value)];
    }

    private static IEnumerable<(string Name, Tensor Value)> SplitDouble(
        string prefix, string module, string leaf, Tensor value, long hidden)
    {
        var isImage = module.StartsWith("img", StringComparison.Ordinal);
        string[] projections = isImage ? ["to_q", "to_k", "to_v"] : ["add_q_proj", "add_k_proj", "add_v_proj"];
        return module[4..] switch
        {
            "attn.qkv" => projections.Select((projection, i) => ($"{prefix}attn.{projection}.{leaf}", Rows(value, i * hidden, hidden))),
            "attn.proj" => [($"{prefix}attn.{(isImage ? "to_out.0" : "to_add_out")}.{leaf}", value)],
            "attn.norm.query_norm" => [($"{prefix}attn.norm_{(isImage ? "" : "added_")}q.weight", value)],
            "attn.norm.key_norm" => [($"{prefix}attn.norm_{(isImage ? "" : "added_")}k.weight", value)],
            "mod.lin" => [($"{prefix}norm1{(isImage ? "" : "_context")}.linear.{leaf}", value)],
            "mlp.0" => [($"{prefix}ff{(isImage ? "" : "_context")}.net.0.proj.{leaf}", value)],
            _ => [($"{prefix}ff{(isImage ? "" : "_context")}.net.2.{leaf}", value)],
        };
    }

    private static IEnumerable<(string Name, Tensor Value)> SplitSingle(
        string prefix, string module, string leaf, Tensor value, long hidden) =>
        module switch
        {
            "linear1" =>
            [
                ($"{prefix}attn.to_q.{leaf}", Rows(value, 0, hidden)),
                ($"{prefix}attn.to_k.{leaf}", Rows(value, hidden, hidden)),
                ($"{prefix}attn.to_v.{leaf}", Rows(value, 2 * hidden, hidden)),
                ($"{prefix}proj_mlp.{leaf}", Rows(value, 3 * hidden, value.shape[0] - 3 * hidden)),
            ],
            "linear2" => [($"{prefix}proj_out.{leaf}", value)],
            "modulation.lin" => [($"{prefix}norm.linear.{leaf}", value)],
            "norm.query_norm" => [($"{prefix}attn.norm_q.weight", value)],
            _ => [($"{prefix}attn.norm_k.weight", value)],
        };

    private static Tensor Rows(Tensor value, long first, long count) => value.narrow(0, first, count);
}
