using System.Text.Json;
using System.Text.Json.Nodes;
using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Vae.Model;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>Writes a checkpoint as Hugging Face folders lay it out: weights in bfloat16, names of the diffusers library.</summary>
internal static class CheckpointFolder
{
    private static readonly JsonSerializerOptions _indented = new() { WriteIndented = true };

    /// <summary>Writes all parts; the tokenizers are copied.</summary>
    /// <param name="folder">Folder to write to.</param>
    /// <param name="tokenizerFolder">Folder with <c>tokenizer</c> and <c>tokenizer_2</c>.</param>
    /// <param name="model">Transformer and text encoders.</param>
    /// <param name="autoEncoder">Autoencoder.</param>
    /// <param name="config">Its sizes, with the measured scale and shift.</param>
    public static void Write(string folder, string tokenizerFolder, FlowModel model, AutoEncoder autoEncoder, AutoEncoderConfig config)
    {
        using var noGradients = no_grad();
        WriteModelIndex(folder);
        WritePart(folder, "transformer", "diffusion_pytorch_model",
            DiffusersExport.Transformer(Rounded(model.Transformer)), Transformer(model.Transformer.Config));
        WritePart(folder, "vae", "diffusion_pytorch_model", DiffusersExport.AutoEncoder(Rounded(autoEncoder)), Vae(config));
        WritePart(folder, "text_encoder", "model", AsIs(Rounded(model.Text.Clip)), Clip(model.Text.ClipConfig));
        WritePart(folder, "text_encoder_2", "model", AsIs(Rounded(model.Text.T5)), T5(model.Text.T5Config));
        foreach (var tokenizer in (string[])["tokenizer", "tokenizer_2"])
        {
            Directory.CreateDirectory(Path.Combine(folder, tokenizer));
            foreach (var file in Directory.EnumerateFiles(Path.Combine(tokenizerFolder, tokenizer)))
                File.Copy(file, Path.Combine(folder, tokenizer, Path.GetFileName(file)), overwrite: true);
        }

        WriteJson(Path.Combine(folder, "tokenizer", "tokenizer_config.json"), new()
        {
            ["tokenizer_class"] = "CLIPTokenizer",
            ["model_max_length"] = model.Text.ClipConfig.PositionCount,
            ["bos_token"] = "<|startoftext|>",
            ["eos_token"] = "<|endoftext|>",
            ["pad_token"] = "<|endoftext|>",
            ["unk_token"] = "<|endoftext|>",
            ["do_lower_case"] = true,
        });
        WriteJson(Path.Combine(folder, "tokenizer_2", "tokenizer_config.json"), new()
        {
            ["tokenizer_class"] = "T5Tokenizer",
            ["model_max_length"] = MiniModel.TextTokens,
            ["eos_token"] = "</s>",
            ["pad_token"] = "<pad>",
            ["unk_token"] = "<unk>",
            ["extra_ids"] = 0,
        });
    }

    private static void WriteModelIndex(string folder)
    {
        Directory.CreateDirectory(folder);
        WriteJson(Path.Combine(folder, "model_index.json"), new()
        {
            ["_class_name"] = "FluxPipeline",
            ["_name_or_path"] = "flux-mini",
            ["scheduler"] = new JsonArray("diffusers", "FlowMatchEulerDiscreteScheduler"),
            ["text_encoder"] = new JsonArray("transformers", "CLIPTextModel"),
            ["text_encoder_2"] = new JsonArray("transformers", "T5EncoderModel"),
            ["tokenizer"] = new JsonArray("transformers", "CLIPTokenizer"),
            ["tokenizer_2"] = new JsonArray("transformers", "T5TokenizerFast"),
            ["transformer"] = new JsonArray("diffusers", "FluxTransformer2DModel"),
            ["vae"] = new JsonArray("diffusers", "AutoencoderKL"),
        });
        Directory.CreateDirectory(Path.Combine(folder, "scheduler"));
        WriteJson(Path.Combine(folder, "scheduler", "scheduler_config.json"), new()
        {
            ["_class_name"] = "FlowMatchEulerDiscreteScheduler",
            ["num_train_timesteps"] = 1000,
            ["shift"] = 3.0,
            ["use_dynamic_shifting"] = true,
            ["base_image_seq_len"] = 256,
            ["max_image_seq_len"] = 4096,
            ["base_shift"] = 0.5,
            ["max_shift"] = 1.15,
        });
    }

    private static JsonObject Transformer(TransformerConfig config) => new()
    {
        ["_class_name"] = "FluxTransformer2DModel",
        ["patch_size"] = 1,
        ["in_channels"] = config.InChannels,
        ["out_channels"] = config.OutChannels,
        ["num_layers"] = config.DoubleBlockCount,
        ["num_single_layers"] = config.SingleBlockCount,
        ["attention_head_dim"] = config.HeadSize,
        ["num_attention_heads"] = config.HeadCount,
        ["joint_attention_dim"] = config.ContextSize,
        ["pooled_projection_dim"] = config.PooledSize,
        ["guidance_embeds"] = config.TakesGuidance,
        ["axes_dims_rope"] = Array(config.AxesSizes),
    };

    private static JsonObject Vae(AutoEncoderConfig config) => new()
    {
        ["_class_name"] = "AutoencoderKL",
        ["in_channels"] = AutoEncoderConfig.ImageChannels,
        ["out_channels"] = AutoEncoderConfig.ImageChannels,
        ["down_block_types"] = new JsonArray([.. config.LevelChannels.Select(_ => (JsonNode)"DownEncoderBlock2D")]),
        ["up_block_types"] = new JsonArray([.. config.LevelChannels.Select(_ => (JsonNode)"UpDecoderBlock2D")]),
        ["block_out_channels"] = Array(config.LevelChannels),
        ["layers_per_block"] = config.BlocksPerLevel,
        ["latent_channels"] = config.LatentChannels,
        ["norm_num_groups"] = config.NormGroups,
        ["sample_size"] = config.SampleSize,
        ["scaling_factor"] = config.ScalingFactor,
        ["shift_factor"] = config.ShiftFactor,
        ["act_fn"] = "silu",
        ["use_quant_conv"] = false,
        ["use_post_quant_conv"] = false,
        ["force_upcast"] = true,
        ["latent_rgb_factors"] = new JsonArray([.. config.LatentColors!.Factors.Select(Array)]),
        ["latent_rgb_factors_bias"] = Array(config.LatentColors.Bias),
    };

    private static JsonObject T5(T5Config config) => new()
    {
        ["architectures"] = new JsonArray("T5EncoderModel"),
        ["model_type"] = "t5",
        ["vocab_size"] = config.VocabularySize,
        ["d_model"] = config.HiddenSize,
        ["d_kv"] = config.HeadSize,
        ["num_heads"] = config.HeadCount,
        ["d_ff"] = config.FeedForwardSize,
        ["num_layers"] = config.LayerCount,
        ["relative_attention_num_buckets"] = config.RelativeBucketCount,
        ["relative_attention_max_distance"] = config.RelativeMaxDistance,
        ["feed_forward_proj"] = "gated-gelu",
        ["layer_norm_epsilon"] = config.LayerNormEpsilon,
        ["pad_token_id"] = 0,
        ["eos_token_id"] = 1,
    };

    private static JsonObject Clip(ClipConfig config) => new()
    {
        ["architectures"] = new JsonArray("CLIPTextModel"),
        ["model_type"] = "clip_text_model",
        ["vocab_size"] = config.VocabularySize,
        ["hidden_size"] = config.HiddenSize,
        ["num_attention_heads"] = config.HeadCount,
        ["num_hidden_layers"] = config.LayerCount,
        ["intermediate_size"] = config.MlpSize,
        ["max_position_embeddings"] = config.PositionCount,
        ["hidden_act"] = "quick_gelu",
        ["layer_norm_eps"] = config.LayerNormEpsilon,
        ["bos_token_id"] = config.EndTokenId - 1,
        ["eos_token_id"] = config.EndTokenId,
        ["pad_token_id"] = config.EndTokenId,
    };

    private static JsonArray Array(IEnumerable<double> numbers) => new([.. numbers.Select(number => (JsonNode)number)]);

    private static JsonArray Array(IEnumerable<long> numbers) => new([.. numbers.Select(number => (JsonNode)number)]);

    private static Dictionary<string, Tensor> Rounded(nn.Module module) => module.named_parameters()
        .ToDictionary(entry => entry.name, entry => entry.parameter.detach().to(ScalarType.BFloat16));

    private static IEnumerable<TensorContent> AsIs(Dictionary<string, Tensor> tensors) =>
        tensors.Select(entry => TensorContent.Of(entry.Key, entry.Value));

    private static void WritePart(string folder, string part, string file, IEnumerable<TensorContent> tensors, JsonObject config)
    {
        var path = Path.Combine(folder, part);
        Directory.CreateDirectory(path);
        config["torch_dtype"] = "bfloat16";
        WriteJson(Path.Combine(path, "config.json"), config);
        SafetensorsWriter.Write(Path.Combine(path, file + ".safetensors"), tensors, new Dictionary<string, string> { ["format"] = "pt" });
    }

    private static void WriteJson(string path, JsonObject content) => File.WriteAllText(path, content.ToJsonString(_indented) + "\n");
}
