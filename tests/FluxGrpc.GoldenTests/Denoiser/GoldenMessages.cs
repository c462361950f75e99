using FluxGrpc.Tensors;
using FluxGrpc.Testing;
using FluxGrpc.V1;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>The reference's inputs as messages: 6 rows and 10 columns of patches, 12 text tokens.</summary>
internal sealed class GoldenMessages : IDisposable
{
    private readonly GoldenFile _io;

    /// <param name="model">transformer_dev or transformer_schnell.</param>
    public GoldenMessages(string model)
    {
        _io = GoldenFolder.Open($"{model}_io.safetensors");
        TakesGuidance = _io.Names.Contains("guidance");
    }

    public bool TakesGuidance { get; }

    public OpenSession Opening(int sample)
    {
        var opening = new OpenSession
        {
            SessionId = $"sample-{sample}",
            HiddenStates = Sample("txt", sample),
            Pooled = Sample("y", sample),
            Grid = new LatentGrid { Rows = 6, Columns = 10 },
            Sigmas = { 1f, 0.75f, 0.5f, 0.25f, 0f },
        };
        if (TakesGuidance)
            opening.Guidance = _io.Floats("guidance")[sample];
        return opening;
    }

    public DenoiseStep Step(int sample, int index = 0) => new()
    {
        Index = index,
        Timestep = _io.Floats("timesteps")[sample],
        Latents = Sample("img", sample),
    };

    public float[] Expected(int sample) => TensorMessage.ToFloats(Sample("out", sample));

    public void Dispose() => _io.Dispose();

    private Tensor Sample(string name, int sample) => Messages.Slice(_io, name, sample);
}
