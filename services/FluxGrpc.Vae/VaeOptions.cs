using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FluxGrpc.Hosting;

namespace FluxGrpc.Vae;

/// <summary>What the VAE service can be told.</summary>
public sealed class VaeOptions : ModelServiceOptions
{
    /// <summary>Options with the service's own address.</summary>
    public VaeOptions() => Address = "http://127.0.0.1:5003";

    /// <summary>Largest height × width of a picture.</summary>
    [Range(256, 1 << 28)]
    [Description("Largest picture, as height times width.")]
    public int MaxPixels { get; set; } = 2048 * 2048;

    /// <summary>Largest height × width that is computed at once, in pixels: a decode of float32 takes about 9 kB for each.</summary>
    [Range(128 * 128, 1 << 28)]
    [Description("Largest picture computed at once, as height times width; larger ones are computed in tiles.")]
    public int MaxTilePixels { get; set; } = 1024 * 1536;

    /// <summary>Largest number of requests at once, waiting or computed: each keeps its message and its reply in memory.</summary>
    [Range(1, 1024)]
    [Description("Largest number of requests at once; more are refused.")]
    public int MaxRequests { get; set; } = 16;
}
