using FluxGrpc.Denoiser.Model;
using static TorchSharp.torch;

namespace FluxGrpc.GoldenTests.Denoiser;

/// <summary>Runs a transformer and keeps what goes on inside, under the golden files' names.</summary>
internal static class TransformerTrace
{
    /// <summary>All <c>debug.*</c> tensors and <c>out</c>; the caller's dispose scope owns them.</summary>
    public static Dictionary<string, Tensor> Run(FluxTransformer transformer, TransformerInput input)
    {
        using var noGradients = no_grad();
        var trace = new Dictionary<string, Tensor>();
        var removals = new List<Action>();
        void Keep(string name, Tensor value) => trace[name] = value.clone().DetachFromDisposeScope();

        foreach (var (name, module) in transformer.named_modules())
        {
            switch (module)
            {
                case DoubleStreamBlock block:
                    removals.Add(block.register_forward_hook((_, img, txt, vec, rope, result) =>
                    {
                        trace.TryAdd("debug.img_in", img.clone().DetachFromDisposeScope()); // The first block's.
                        trace.TryAdd("debug.txt_in", txt.clone().DetachFromDisposeScope());
                        Keep("debug.vec", vec);
                        Keep("debug.pe", Matrices(rope));
                        Keep($"debug.double.{name.Split('.')[^1]}.img", result.Img);
                        Keep($"debug.double.{name.Split('.')[^1]}.txt", result.Txt);
                        return result;
                    }).remove);
                    break;
                case SingleStreamBlock block:
                    removals.Add(block.register_forward_hook((_, _, _, _, result) =>
                    {
                        Keep($"debug.single.{name.Split('.')[^1]}", result);
                        return result;
                    }).remove);
                    break;
            }
        }

        trace["out"] = transformer.call(input);
        removals.ForEach(remove => remove());
        CurrentDisposeScope!.Attach(trace.Values);
        return trace;
    }

    /// <summary>cos + i·sin as the reference's [[cos, −sin], [sin, cos]].</summary>
    private static Tensor Matrices(Tensor rope) =>
        stack([stack([rope.real, -rope.imag], dim: -1), stack([rope.imag, rope.real], dim: -1)], dim: -2);
}
