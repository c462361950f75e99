using FluxGrpc.Torch.Kernels;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Vae.Model;

/// <summary>Lets every position see every other with one head, beside a short cut. Reference: <c>AttnBlock</c>.</summary>
public sealed class AttentionBlock : nn.Module<Tensor, Tensor>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "norm")] private readonly GroupNorm _norm;
    [ComponentName(Name = "q")] private readonly Conv2d _query;
    [ComponentName(Name = "k")] private readonly Conv2d _key;
    [ComponentName(Name = "v")] private readonly Conv2d _value;
    [ComponentName(Name = "proj_out")] private readonly Conv2d _projection;

    /// <summary>Makes a block of C channels.</summary>
    public AttentionBlock(AutoEncoderConfig config, long channels, ComputeKernels kernels, Device? device = null)
        : base(nameof(AttentionBlock))
    {
        _kernels = kernels;
        _norm = Layers.Norm(config, channels, device);
        _query = Layers.Convolution1x1(channels, channels, device);
        _key = Layers.Convolution1x1(channels, channels, device);
        _value = Layers.Convolution1x1(channels, channels, device);
        _projection = Layers.Convolution1x1(channels, channels, device);
        RegisterComponents();
    }

    /// <param name="x">Activations [B, C, h, w].</param>
    /// <returns>Activations [B, C, h, w].</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var normalised = _norm.call(x);
        using var attended = Attend(normalised);                             // [B, C, h, w]
        return _projection.call(attended).add_(x).MoveToOuterDisposeScope();
    }

    private Tensor Attend(Tensor normalised)
    {
        using var scope = NewDisposeScope();
        var query = ToTokens(_query.call(normalised));
        var key = ToTokens(_key.call(normalised));
        var value = ToTokens(_value.call(normalised));
        // The fused kernels want four dimensions and adjacent channels; without them N × N weights would be stored, N = h·w.
        var attended = _kernels.Attention(new QueryKeyValue(query, key, value));                   // [B, h·w, C]
        var (height, width) = (normalised.shape[2], normalised.shape[3]);
        return _kernels.ForConvolution(attended.unflatten(1, height, width).permute(0, 3, 1, 2)).MoveToOuterDisposeScope();
    }

    /// <summary>[B, C, h, w] → [B, 1, h·w, C].</summary>
    private static Tensor ToTokens(Tensor image) => image.flatten(2).transpose(1, 2).unsqueeze(1).contiguous();
}
