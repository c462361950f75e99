using FluxGrpc.Torch.Kernels;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace FluxGrpc.Denoiser.Model;

/// <summary>
/// A block in which image and text keep weights of their own and meet in one attention. Reference: <c>DoubleStreamBlock</c>.
/// </summary>
public sealed class DoubleStreamBlock : nn.Module<Tensor, Tensor, Tensor, Tensor, (Tensor Img, Tensor Txt)>
{
    private readonly ComputeKernels _kernels;
    [ComponentName(Name = "img_mod")] private readonly Modulation _imgModulation;
    [ComponentName(Name = "img_attn")] private readonly SelfAttention _imgAttention;
    [ComponentName(Name = "img_mlp")] private readonly Mlp _imgMlp;
    [ComponentName(Name = "txt_mod")] private readonly Modulation _txtModulation;
    [ComponentName(Name = "txt_attn")] private readonly SelfAttention _txtAttention;
    [ComponentName(Name = "txt_mlp")] private readonly Mlp _txtMlp;

    /// <param name="config">Sizes.</param>
    /// <param name="kernels">How to compute.</param>
    /// <param name="device">Device of the parameters.</param>
    public DoubleStreamBlock(TransformerConfig config, ComputeKernels kernels, Device? device = null) : base(nameof(DoubleStreamBlock))
    {
        _kernels = kernels;
        _imgModulation = new Modulation(config, branches: 2, kernels, device);
        _imgAttention = new SelfAttention(config, kernels, device);
        _imgMlp = new Mlp(config, kernels, device);
        _txtModulation = new Modulation(config, branches: 2, kernels, device);
        _txtAttention = new SelfAttention(config, kernels, device);
        _txtMlp = new Mlp(config, kernels, device);
        RegisterComponents();
    }

    /// <param name="img">Image tokens [B, N, D].</param>
    /// <param name="txt">Text tokens [B, L, D].</param>
    /// <param name="vec">Conditioning vector [B, D].</param>
    /// <param name="rope">Rotations of the L + N tokens, from <see cref="Rope.Table"/>.</param>
    /// <returns>Image tokens [B, N, D] and text tokens [B, L, D].</returns>
    public override (Tensor Img, Tensor Txt) forward(Tensor img, Tensor txt, Tensor vec, Tensor rope)
    {
        using var scope = NewDisposeScope();
        var (imgOut, text) = Images(img, txt, vec, rope);
        return (imgOut.MoveToOuterDisposeScope(), Texts(txt, text).MoveToOuterDisposeScope());
    }

    /// <summary>The image's half, all that a step needs which skips the blocks that follow.</summary>
    /// <param name="img">Image tokens [B, N, D].</param>
    /// <param name="txt">Text tokens [B, L, D].</param>
    /// <param name="vec">Conditioning vector [B, D].</param>
    /// <param name="rope">Rotations of the L + N tokens, from <see cref="Rope.Table"/>.</param>
    /// <returns>Image tokens [B, N, D], and what <see cref="Texts"/> goes on from.</returns>
    internal (Tensor Img, AttendedText Text) Images(Tensor img, Tensor txt, Tensor vec, Tensor rope)
    {
        using var scope = NewDisposeScope();
        var imgBranches = _imgModulation.call(vec);
        var txtBranches = _txtModulation.call(vec);

        var imgHeads = _imgAttention.call(_kernels.NormModulate(img, imgBranches[0].Shift, imgBranches[0].Scale));
        var txtHeads = _txtAttention.call(_kernels.NormModulate(txt, txtBranches[0].Shift, txtBranches[0].Scale));
        var attended = _kernels.JointAttention([txtHeads, imgHeads], rope)                       // [B, L + N, D]
            .split([txt.shape[1], img.shape[1]], dim: 1);

        var imgOut = Finish(img, _imgAttention.Project(attended[1]), imgBranches, _imgMlp);
        foreach (var tensor in txtBranches.SelectMany(branch => new[] { branch.Shift, branch.Scale, branch.Gate }).Prepend(attended[0]))
            tensor.MoveToOuterDisposeScope();
        return (imgOut.MoveToOuterDisposeScope(), new AttendedText(attended[0], txtBranches));
    }

    /// <summary>The text's half.</summary>
    /// <param name="txt">Text tokens [B, L, D].</param>
    /// <param name="text">From <see cref="Images"/>.</param>
    /// <returns>Text tokens [B, L, D].</returns>
    internal Tensor Texts(Tensor txt, AttendedText text)
    {
        using var scope = NewDisposeScope();
        return Finish(txt, _txtAttention.Project(text.Attended), text.Branches, _txtMlp).MoveToOuterDisposeScope();
    }

    /// <param name="Attended">What the text's heads attended to [B, L, D].</param>
    /// <param name="Branches">How its two branches are modulated.</param>
    internal readonly record struct AttendedText(Tensor Attended, ShiftScaleGate[] Branches);

    /// <summary>The two gated residuals of a stream: attention, then MLP. All [B, T, D].</summary>
    private Tensor Finish(Tensor x, Tensor attended, ShiftScaleGate[] branches, Mlp mlp)
    {
        using var scope = NewDisposeScope();
        var middle = _kernels.GatedSum(x, branches[0].Gate, attended);
        var branch = mlp.call(_kernels.NormModulate(middle, branches[1].Shift, branches[1].Scale));
        return _kernels.GatedSum(middle, branches[1].Gate, branch).MoveToOuterDisposeScope();
    }
}
