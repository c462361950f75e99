using System.Text.Json.Nodes;
using FluxGrpc.Checkpoints;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Vae.Model;
using static TorchSharp.torch;

namespace FluxGrpc.Testing;

/// <summary>
/// Writes checkpoints of random weights: folders as Hugging Face lays them out, the tensors under their official names, each
/// <c>config.json</c> saying <c>"_random_weights": true</c>. Their pictures mean nothing.
/// </summary>
public static class RandomCheckpoint
{
    /// <summary>Writes a whole model. One tensor is held in memory at a time.</summary>
    /// <param name="folder">An empty folder, or one whose files are to be replaced.</param>
    /// <param name="model">Sizes, type and seed.</param>
    /// <exception cref="ArgumentException">The parts do not fit each other.</exception>
    public static void Write(string folder, RandomModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        model.Validate();
        Directory.CreateDirectory(folder);
        RandomCheckpointFiles.WriteModelIndex(folder);
        RandomCheckpointFiles.WriteScheduler(Path.Combine(folder, "scheduler"), model.Transformer.TakesGuidance);
        RandomTokenizers.WriteClip(Path.Combine(folder, "tokenizer"));
        RandomTokenizers.WriteT5(Path.Combine(folder, "tokenizer_2"), model.MaxTokens);
        WriteTransformer(Path.Combine(folder, "transformer"), model.Transformer, model.Type, model.Seed);

        var vae = Part(folder, "vae", RandomCheckpointFiles.Vae(model.Vae));
        WriteWeights(Path.Combine(vae, "diffusion_pytorch_model.safetensors"), new AutoEncoder(model.Vae, META), model.Type, model.Seed);
        var clip = Part(folder, "text_encoder", RandomCheckpointFiles.Clip(model.Clip));
        WriteWeights(Path.Combine(clip, "model.safetensors"), new ClipTextModel(model.Clip, META), model.Type, model.Seed);
        WriteT5(Path.Combine(folder, "text_encoder_2"), model.T5, model.Type, model.Seed);
    }

    /// <summary>Writes a T5 encoder alone, without its tokenizer.</summary>
    /// <param name="folder">Gets <c>config.json</c> and the weights.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="type">Type in the file.</param>
    /// <param name="seed">Equal seeds give equal files.</param>
    public static void WriteT5(string folder, T5Config config, StorageType type = StorageType.BFloat16, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(config);
        Directory.CreateDirectory(folder);
        RandomCheckpointFiles.WriteConfig(folder, RandomCheckpointFiles.T5(config));
        WriteWeights(Path.Combine(folder, "model.safetensors"), new T5Encoder(config, META), type, seed);
    }

    /// <summary>Writes a transformer alone. One tensor is held in memory at a time.</summary>
    /// <param name="folder">Gets <c>config.json</c> and the weights.</param>
    /// <param name="config">Sizes.</param>
    /// <param name="type">Type in the file.</param>
    /// <param name="seed">Equal seeds give equal files.</param>
    public static void WriteTransformer(
        string folder, TransformerConfig config, StorageType type = StorageType.BFloat16, long seed = 1)
    {
        ArgumentNullException.ThrowIfNull(config);
        Directory.CreateDirectory(folder);
        RandomCheckpointFiles.WriteConfig(folder, RandomCheckpointFiles.Transformer(config));
        WriteWeights(Path.Combine(folder, "diffusion_pytorch_model.safetensors"), new FluxTransformer(config, META), type, seed);
    }

    private static string Part(string folder, string name, JsonObject config)
    {
        var part = Path.Combine(folder, name);
        Directory.CreateDirectory(part);
        RandomCheckpointFiles.WriteConfig(part, config);
        return part;
    }

    /// <summary>Writes random weights for a module's parameters; the module, on the meta device, is disposed.</summary>
    private static void WriteWeights(string path, nn.Module module, StorageType type, long seed)
    {
        using (module)
        {
            var plans = module.named_parameters().Select(entry => new TensorPlan(entry.name, type, entry.parameter.shape)).ToList();
            SafetensorsWriter.Write(path, plans, new RandomWeights(seed).Make);
        }
    }
}
