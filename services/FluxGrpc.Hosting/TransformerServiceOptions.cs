using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace FluxGrpc.Hosting;

/// <summary>What a service can be told whose model is a transformer, nearly all of it linear layers.</summary>
public abstract class TransformerServiceOptions : ModelServiceOptions
{
    /// <summary>What becomes of weights that are stored in float8.</summary>
    [Required]
    [AllowedValues("auto", "convert", "keep", "multiply", ErrorMessage = "Float8 must be auto, convert, keep or multiply")]
    [Description("Linear layers' weights that the checkpoint stores in float8: convert (to the type of the products, at start), "
        + "keep (in half of bfloat16's memory or less, converted for each product: the same pictures), multiply (in float8 itself, with "
        + "rounded inputs: less exact; CUDA cards of compute capability 8.9 or more), or auto (keep on CUDA, else convert).")]
    public string Float8 { get; set; } = "auto";
}
