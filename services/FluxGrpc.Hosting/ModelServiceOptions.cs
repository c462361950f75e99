using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FluxGrpc.Channels;

namespace FluxGrpc.Hosting;

/// <summary>What every service with a model can be told.</summary>
public abstract class ModelServiceOptions : ServiceOptions
{
    /// <summary>Name in the certificates of those who may call a service with a model: the orchestrators.</summary>
    public const string InternalCaller = "orchestrator.flux.internal";

    /// <summary>Options of a service that is internal: of all certificates of an authority, only the orchestrator's let in.</summary>
    protected ModelServiceOptions() => TlsClientNames = InternalCaller;

    /// <summary>Checkpoint: a Hugging Face folder with model_index.json, a component's folder, or a .safetensors file.</summary>
    [Description("Checkpoint: a Hugging Face folder (model_index.json), one component's folder, or a .safetensors file.")]
    public string Checkpoint { get; set; } = "";

    /// <summary>Device to compute on.</summary>
    [Required]
    [RegularExpression("cpu|cuda(:[0-9]{1,3})?", ErrorMessage = "Device is '{0}'; allowed: cpu, cuda, cuda:N")]
    [Description("Device to compute on: cpu, cuda (the first one), cuda:N.")]
    public string Device { get; set; } = "cpu";

    /// <summary>Type to compute in.</summary>
    [Required]
    [AllowedValues("auto", "float32", "bfloat16", ErrorMessage = "Dtype must be auto, float32 or bfloat16")]
    [Description("Type of the matrix products: float32, bfloat16, or auto (bfloat16 on CUDA and where the CPU is fast at it).")]
    public string Dtype { get; set; } = "auto";

    /// <summary>How to compute.</summary>
    [Required]
    [AllowedValues("auto", "plain", "fused", "onednn", ErrorMessage = "Kernels must be auto, plain, fused or onednn")]
    [Description("How to compute: plain (libtorch's operators one by one), fused (one pass over memory for what is done token by "
        + "token), onednn (fused, with oneDNN's matrix products; CPU), or auto (onednn on AMD's CPUs, else fused).")]
    public string Kernels { get; set; } = "auto";

    /// <inheritdoc/>
    public override IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        base.Validate(validationContext).Concat(ValidateCheckpoint());

    /// <inheritdoc/>
    public override IEnumerable<string> ExposureWarnings() =>
        ServiceAddress.Parse(Address).IsLocal || TlsClientCa.Length > 0
            ? base.ExposureWarnings()
            : base.ExposureWarnings().Append(
                $"whoever reaches {Address} may use this internal service; give --tls-client-ca, or an address of the loopback");

    /// <summary>What is wrong with where the weights come from; a service may take them from elsewhere.</summary>
    protected virtual IEnumerable<ValidationResult> ValidateCheckpoint() => Checkpoint.Length > 0
        ? []
        : [new ValidationResult("Checkpoint is missing; required", [nameof(Checkpoint)])];
}
