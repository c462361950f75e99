using System.Globalization;
using FluxGrpc.Checkpoints.KeyMaps;
using FluxGrpc.Torch;
using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace FluxGrpc.Checkpoints;

/// <summary>
/// The weights of one component under the names and in the shapes of its module, whatever layout they are stored in. Opening reads
/// headers only, so it takes no time for 24 GB either.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private readonly ModelComponent _component;
    private readonly ComponentFiles _location;
    private readonly WeightFiles _files;
    private readonly IReadOnlyDictionary<string, string> _incomplete;

    private Checkpoint(ModelComponent component, string name, ComponentFiles location, WeightFiles files)
    {
        (_component, Name, _location, _files) = (component, name, location, files);
        var (stored, werePrefixed) = ComponentKeys.Select(component, files.Tensors);
        Float8Scales.Apply(stored);
        var map = KeyMap.Detect(component, stored.Keys);
        var assembly = new TensorAssembly(stored, map.Place);
        Layout = werePrefixed ? CheckpointLayout.ComfyUi : map.Layout;
        (Tensors, _incomplete) = (assembly.Tensors, assembly.Incomplete);
        Config = ComponentConfig.Read(location.Folder);
    }

    /// <summary>The model's name in its <c>model_index.json</c>, else that of the file or folder opened; never a path.</summary>
    public string Name { get; }

    /// <summary>Whose names the stored tensors carry.</summary>
    public CheckpointLayout Layout { get; }

    /// <summary>The component's <c>config.json</c>.</summary>
    public ComponentConfig Config { get; }

    /// <summary>
    /// The tensors by the module's key: the authors' names for transformer and autoencoder, Hugging Face's for the text encoders.
    /// </summary>
    public IReadOnlyDictionary<string, CheckpointTensor> Tensors { get; }

    /// <summary>Number of parameters.</summary>
    public long ParameterCount => Tensors.Values.Sum(tensor => tensor.ElementCount);

    /// <summary>Bytes of the weights in the files.</summary>
    public long ByteLength => Tensors.Values.Sum(tensor => tensor.ByteLength);

    /// <summary>Opens the weights of one component.</summary>
    /// <param name="path">
    /// A model's folder (with <c>transformer/</c>, <c>vae/</c>, <c>text_encoder/</c>, <c>text_encoder_2/</c>, or with single files
    /// such as <c>flux1-dev.safetensors</c>), a component's folder, a <c>.safetensors</c> file, or an index of shards.
    /// </param>
    /// <param name="component">Which one.</param>
    /// <exception cref="InvalidDataException">Files are missing, unreadable, lie, or hold something else; the message says.</exception>
    public static Checkpoint Open(string path, ModelComponent component)
    {
        var location = ComponentFiles.Find(path, component);
        var name = ModelIndex.NameIn(location.Root) ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        var files = WeightFiles.Open(location.Weights);
        try
        {
            return new Checkpoint(component, name, location, files);
        }
        catch (InvalidDataException e)
        {
            files.Dispose();
            throw new InvalidDataException($"checkpoint '{location.Weights}': {e.Message}", e);
        }
    }

    /// <summary>Shape of a tensor that the component cannot do without.</summary>
    /// <param name="key">The module's key.</param>
    /// <param name="rank">How many dimensions it must have.</param>
    /// <exception cref="InvalidDataException">It is not there, or has another rank.</exception>
    public IReadOnlyList<long> ShapeOf(string key, int rank)
    {
        if (!Tensors.TryGetValue(key, out var tensor))
            throw new InvalidDataException($"checkpoint '{Name}' (layout {Layout}) lacks the tensor '{key}'");
        return tensor.Shape.Count == rank
            ? tensor.Shape
            : throw new InvalidDataException($"checkpoint '{Name}' (layout {Layout}): {tensor} should have {rank} dimensions");
    }

    /// <summary>Number of blocks in a list: of different indexes behind a prefix such as <c>double_blocks.</c></summary>
    public int CountBlocks(string prefix) => Tensors.Keys
        .Where(key => key.StartsWith(prefix, StringComparison.Ordinal))
        .Select(key => key[prefix.Length..].Split('.')[0])
        .Where(index => int.TryParse(index, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        .Distinct(StringComparer.Ordinal).Count();

    /// <summary>A folder beside the weights or in the model's folder, such as <c>tokenizer_2</c>; null where there is none.</summary>
    public string? FindFolder(string name) => Candidates(name).FirstOrDefault(Directory.Exists);

    /// <summary>A file beside the weights or in the model's folder; null where there is none.</summary>
    public string? FindFile(string name) => Candidates(name).FirstOrDefault(File.Exists);

    /// <summary>Checks that the module's parameters and these tensors are the same, name by name and shape by shape.</summary>
    /// <exception cref="InvalidDataException">
    /// They are not: one message counts and lists what is missing, unexpected and mis-shaped, and names the layout.
    /// </exception>
    public void Validate(nn.Module module) => ModuleParameters.Of(module).MustMatch(
        Tensors, _incomplete, $"checkpoint '{Name}' (layout {Layout}) is not this {_component.DisplayName()}");

    /// <summary>
    /// Fills a module, best built on the meta device: each parameter is replaced. On the CPU a parameter in its storage type is the
    /// mapped file itself, so it must not be written to; everything else is converted tensor by tensor.
    /// </summary>
    /// <param name="module">Its parameters' keys are those of <see cref="Tensors"/>.</param>
    /// <param name="device">Where to, in which type, and what linear layers hold their weights in.</param>
    /// <param name="note">Gets the bytes that are loaded and those of all, after each tensor; or null.</param>
    /// <param name="cancellation">Ends it between two tensors; the module is of no use then.</param>
    /// <exception cref="InvalidDataException">Module and checkpoint differ; nothing was loaded. See <see cref="Validate"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void LoadInto(nn.Module module, ComputeDevice device, Action<long, long>? note = null, CancellationToken cancellation = default)
    {
        Validate(module);
        var (done, total) = (0L, ByteLength);
        foreach (var slot in ModuleParameters.Of(module))
        {
            cancellation.ThrowIfCancellationRequested();
            if (slot is not { Owner: Linear layer, Name: "weight" } || !TryLoadNarrow(slot, layer, device))
                slot.Replace(TensorLoading.Load(Tensors[slot.Key], device.Device, device.Type));
            done += Tensors[slot.Key].ByteLength;
            note?.Invoke(done, total);
        }
    }

    /// <summary>Digest of what the weights compute: equal on replicas that may take over each other's work.</summary>
    /// <param name="variant">Name of the network's variant, "dev" or "schnell".</param>
    /// <param name="device">The compute type and the kind of device count too.</param>
    /// <returns>32 hexadecimal digits.</returns>
    public string Fingerprint(string variant, ComputeDevice device) => CheckpointFingerprint.Compute(Tensors, variant, device);

    /// <summary>Closes the files; parameters that are mapped stay valid.</summary>
    public void Dispose() => _files.Dispose();

    /// <summary>Loads a linear layer's weight rounded, or in the type it is stored in, where the device is to have that.</summary>
    private bool TryLoadNarrow(ModuleParameters.Slot slot, Linear layer, ComputeDevice device)
    {
        var stored = Tensors[slot.Key];
        var kept = stored.TypeToKeep(device.Type);
        var isLarge = stored.ElementCount >= device.RoundedFrom;
        if (device.WeightType == WeightType.Int8 && isLarge && Int8Weights.Take(slot.Shape))
        {
            // bfloat16 is read as it is: in float32 all of it would go through memory once more.
            var isBFloat16 = stored.TypeToKeep(ScalarType.Float32) == ScalarType.BFloat16;
            using var exact = TensorLoading.Load(stored, device.Device, isBFloat16 ? ScalarType.BFloat16 : ScalarType.Float32);
            slot.Replace(Int8Weights.Round(layer, exact));
        }
        else if (device.WeightType == WeightType.Float8 && isLarge && kept != Float8Weights.Type)
        {
            using var exact = TensorLoading.Load(stored, device.Device, device.Type);
            slot.Replace(Float8Weights.Round(layer, exact));
        }
        else if (device.WeightType != WeightType.Compute && kept is { } type)
        {
            slot.Replace(TensorLoading.Load(stored.Unscaled(), device.Device, type));
            if (TensorLoading.LoadScale(stored, device.Device) is { } factor)
                Float8Weights.SetScale(layer, factor);
        }
        else
        {
            return false;
        }

        return true;
    }

    private IEnumerable<string> Candidates(string name) =>
        new[] { _location.Folder, _location.Root }.Distinct(StringComparer.Ordinal).Select(folder => Path.Combine(folder, name));
}
