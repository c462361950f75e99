using FluxGrpc.Checkpoints;
using FluxGrpc.TextEncoder.Model;
using FluxGrpc.Torch;
using FluxGrpc.Vae.Model;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training;

/// <summary>A checkpoint that training goes on from: its tokenizers and its encoder of pictures stay; the other parts learn on.</summary>
/// <param name="folder">A folder that <see cref="CheckpointFolder"/> wrote.</param>
/// <param name="device">Where to compute.</param>
internal sealed class StartCheckpoint(string folder, Device device)
{
    /// <summary>Copies both tokenizers.</summary>
    /// <exception cref="IOException">There are none.</exception>
    public void CopyTokenizers(string workFolder)
    {
        foreach (var tokenizer in (string[])["tokenizer", "tokenizer_2"])
        {
            var target = Directory.CreateDirectory(Path.Combine(workFolder, tokenizer)).FullName;
            foreach (var file in Directory.EnumerateFiles(Path.Combine(folder, tokenizer)))
                File.Copy(file, Path.Combine(target, Path.GetFileName(file)), overwrite: true);
        }
    }

    /// <summary>The autoencoder with its scale and shift.</summary>
    /// <exception cref="InvalidDataException">It is not one.</exception>
    public (AutoEncoder Model, AutoEncoderConfig Config) LoadAutoEncoder()
    {
        using var checkpoint = Checkpoint.Open(folder, ModelComponent.Vae);
        var config = AutoEncoderConfig.Read(checkpoint);
        return (Load(checkpoint, new AutoEncoder(config, META)), config);
    }

    /// <summary>Gives an autoencoder the weights.</summary>
    /// <param name="model">One without scale and shift.</param>
    /// <returns>Its sizes, with scale and shift.</returns>
    /// <exception cref="InvalidDataException">It is of other sizes than <see cref="MiniModel"/>'s.</exception>
    public AutoEncoderConfig LoadInto(AutoEncoder model)
    {
        using var checkpoint = Checkpoint.Open(folder, ModelComponent.Vae);
        var config = AutoEncoderConfig.Read(checkpoint);
        Load(ModelComponent.Vae, new AutoEncoder(MiniModel.AutoEncoder, META), model);
        return config;
    }

    /// <summary>Gives a model the transformer and the text encoders.</summary>
    /// <param name="model">Gets them.</param>
    /// <param name="withT5">Whether it gets the T5 encoder too.</param>
    /// <exception cref="InvalidDataException">They are of other sizes than <see cref="MiniModel"/>'s.</exception>
    public void LoadInto(FlowModel model, bool withT5)
    {
        Load(ModelComponent.Transformer, new(MiniModel.Transformer, META), model.Transformer);
        if (withT5)
            Load(ModelComponent.T5, new(model.Text.T5Config, META), model.Text.T5);
        Load(ModelComponent.ClipText, new(model.Text.ClipConfig, META), model.Text.Clip);
    }

    /// <summary>The T5 encoder that the transformer is used to.</summary>
    /// <param name="config">Its sizes.</param>
    /// <param name="type">Type to compute in.</param>
    /// <exception cref="InvalidDataException">It has others.</exception>
    public T5Encoder LoadT5(T5Config config, ScalarType type)
    {
        using var checkpoint = Checkpoint.Open(folder, ModelComponent.T5);
        var encoder = Load(checkpoint, new T5Encoder(config, META));
        encoder.to(type);
        return encoder;
    }

    private void Load<TModule>(ModelComponent component, TModule stored, TModule target)
        where TModule : nn.Module
    {
        using var checkpoint = Checkpoint.Open(folder, component);
        target.load_state_dict(Load(checkpoint, stored).state_dict());
        stored.Dispose();
    }

    private TModule Load<TModule>(Checkpoint checkpoint, TModule module)
        where TModule : nn.Module
    {
        checkpoint.LoadInto(module, new ComputeDevice(device, ScalarType.Float32));
        return module;
    }
}
