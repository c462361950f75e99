using System.Text.Json;
using System.Text.Json.Nodes;
using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Vae.Model;

namespace FluxGrpc.Testing;

/// <summary>The JSON files of a checkpoint, with the keys that FLUX.1-dev's have.</summary>
internal static class RandomCheckpointFiles
{
    private static readonly JsonSerializerOptions _indented = new() { WriteIndented = true };

    public static void WriteModelIndex(string folder) => Write(folder, "model_index.json", new JsonObject
    {
        ["_class_name"] = "FluxPipeline",
        ["scheduler"] = new JsonArray("diffusers", "FlowMatchEulerDiscreteScheduler"),
        ["text_encoder"] = new JsonArray("transformers", "CLIPTextModel"),
        ["text_encoder_2"] = new JsonArray("transformers", "T5EncoderModel"),
        ["tokenizer"] = new JsonArray("transformers", "CLIPTokenizer"),
        ["tokenizer_2"] = new JsonArray("transformers", "T5TokenizerFast"),
        ["transformer"] = new JsonArray("diffusers", "FluxTransformer2DModel"),
        ["vae"] = new JsonArray("diffusers", "AutoencoderKL"),
    });

    public static void WriteScheduler(string folder, bool isDev) => Write(folder, "scheduler_config.json", new JsonObject
    {
        ["_class_name"] = "FlowMatchEulerDiscreteScheduler",
        ["base_image_seq_len"] = 256,
        ["base_shift"] = 0.5,
        ["max_image_seq_len"] = 4096,
        ["max_shift"] = 1.15,
        ["num_train_timesteps"] = 1000,
        ["shift"] = isDev ? 3.0 : 1.0,
        ["use_dynamic_shifting"] = isDev,
    });

    /// <summary>Writes a component's <c>config.json</c>, marked as that of random weights.</summary>
    public static void WriteConfig(string folder, JsonObject config)
    {
        config["_random_weights"] = true;
        Write(folder, ComponentConfig.FileName, config);
    }

    public static JsonObject Transformer(TransformerConfig config) => new()
    {
        ["_class_name"] = "FluxTransformer2DModel",
        ["attention_head_dim"] = config.HeadSize,
        ["axes_dims_rope"] = Numbers(config.AxesSizes),
        ["guidance_embeds"] = config.TakesGuidance,
        ["in_channels"] = config.InChannels,
        ["joint_attention_dim"] = config.ContextSize,
        ["num_attention_heads"] = config.HeadCount,
        ["num_layers"] = config.DoubleBlockCount,
        ["num_single_layers"] = config.SingleBlockCount,
        ["out_channels"] = config.OutChannels,
        ["patch_size"] = 1,
        ["pooled_projection_dim"] = config.PooledSize,
    };

    public static JsonObject Vae(AutoEncoderConfig config) => new()
    {
        ["_class_name"] = "AutoencoderKL",
        ["act_fn"] = "silu",
        ["block_out_channels"] = Numbers(config.LevelChannels),
        ["down_block_types"] = Repeated("DownEncoderBlock2D", config.LevelChannels.Count),
        ["in_channels"] = AutoEncoderConfig.ImageChannels,
        ["latent_channels"] = config.LatentChannels,
        ["layers_per_block"] = config.BlocksPerLevel,
        ["norm_num_groups"] = config.NormGroups,
        ["out_channels"] = AutoEncoderConfig.ImageChannels,
        ["sample_size"] = config.SampleSize,
        ["scaling_factor"] = config.ScalingFactor,
        ["shift_factor"] = config.ShiftFactor,
        ["up_block_types"] = Repeated("UpDecoderBlock2D", config.LevelChannels.Count),
        ["use_post_quant_conv"] = false,
        ["use_quant_conv"] = false,
    };

    public static JsonObject T5(T5Config config) => new()
    {
        ["architectures"] = new JsonArray("T5EncoderModel"),
        ["d_ff"] = config.FeedForwardSize,
        ["d_kv"] = config.HeadSize,
        ["d_model"] = config.HiddenSize,
        ["eos_token_id"] = 1,
        ["feed_forward_proj"] = "gated-gelu",
        ["layer_norm_epsilon"] = config.LayerNormEpsilon,
        ["model_type"] = "t5",
        ["num_heads"] = config.HeadCount,
        ["num_layers"] = config.LayerCount,
        ["pad_token_id"] = 0,
        ["relative_attention_max_distance"] = config.RelativeMaxDistance,
        ["relative_attention_num_buckets"] = config.RelativeBucketCount,
        ["vocab_size"] = config.VocabularySize,
    };

    public static JsonObject Clip(ClipConfig config) => new()
    {
        ["architectures"] = new JsonArray("CLIPTextModel"),
        ["bos_token_id"] = config.EndTokenId - 1,
        ["eos_token_id"] = config.EndTokenId,
        ["hidden_act"] = "quick_gelu",
        ["hidden_size"] = config.HiddenSize,
        ["intermediate_size"] = config.MlpSize,
        ["layer_norm_eps"] = config.LayerNormEpsilon,
        ["max_position_embeddings"] = config.PositionCount,
        ["model_type"] = "clip_text_model",
        ["num_attention_heads"] = config.HeadCount,
        ["num_hidden_layers"] = config.LayerCount,
        ["pad_token_id"] = config.EndTokenId,
        ["vocab_size"] = config.VocabularySize,
    };

    private static JsonArray Numbers(IEnumerable<long> numbers) => [.. numbers.Select(number => JsonValue.Create(number))];

    private static JsonArray Repeated(string text, int count) =>
        [.. Enumerable.Repeat(text, count).Select(value => JsonValue.Create(value))];

    private static void Write(string folder, string name, JsonObject content)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, name), content.ToJsonString(_indented) + "\n");
    }
}
