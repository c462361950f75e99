using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using FluxGrpc.Channels;
using FluxGrpc.Hosting;
using FluxGrpc.Orchestrator.Access;
using FluxGrpc.Orchestrator.Admission;
using FluxGrpc.Orchestrator.Detached;
using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Orchestrator.Tier.Discovery;

namespace FluxGrpc.Orchestrator;

/// <summary>What the orchestrator can be told.</summary>
public sealed class OrchestratorOptions : ServiceOptions
{
    /// <summary>Stands for no web front in <see cref="WebAddress"/>.</summary>
    public const string NoWeb = "none";

    /// <summary>Options with their defaults.</summary>
    public OrchestratorOptions() => Address = "http://127.0.0.1:5000";

    /// <summary>Where the text encoders are: see <see cref="ReplicaTarget"/>.</summary>
    [Required]
    [Description("Where the text encoders are: addresses separated by commas, dns:///host:port, or file:/path of a list.")]
    public string TextEncoder { get; set; } = "http://127.0.0.1:5001";

    /// <summary>Where the denoisers are: see <see cref="ReplicaTarget"/>.</summary>
    [Required]
    [Description("Where the denoisers are: addresses separated by commas, dns:///host:port, or file:/path of a list.")]
    public string Denoiser { get; set; } = "http://127.0.0.1:5002";

    /// <summary>Where the VAEs are: see <see cref="ReplicaTarget"/>.</summary>
    [Required]
    [Description("Where the VAEs are: addresses separated by commas, dns:///host:port, or file:/path of a list.")]
    public string Vae { get; set; } = "http://127.0.0.1:5003";

    /// <summary>File of the callers' keys; empty asks for none. See <see cref="Access.ApiKeyFile"/>.</summary>
    [Description("JSON file of API keys, made by flux keys: nobody without one is served. Followed while it changes.")]
    public string ApiKeys { get; set; } = "";

    /// <summary>Authorities of the certificates of the services behind; empty: those that the system trusts.</summary>
    [Description("PEM file with the CAs of the services behind, which must then speak TLS. Unset: the system's CAs, for https addresses.")]
    public string TierCa { get; set; } = "";

    /// <summary>Certificate for the calls of the services behind, which ask for one (mutual TLS).</summary>
    [Description("PEM file with the certificate that the services behind are shown (mutual TLS).")]
    public string TierCertificate { get; set; } = "";

    /// <summary>Private key of <see cref="TierCertificate"/>.</summary>
    [Description("PEM file with the private key of that certificate.")]
    public string TierKey { get; set; } = "";

    /// <summary>Longest time in seconds for a step, an encoding or a decoding before another replica is tried.</summary>
    [Range(1, 86_400)]
    [Description("Longest time in seconds for a step, an encoding or a decoding before another replica is tried; "
        + "longer where the latest ones were slow.")]
    public int StepTimeoutSeconds { get; set; } = 300;

    /// <summary>Longest time in seconds that a request without a deadline waits for a service that is not there.</summary>
    [Range(0, 86_400)]
    [Description("Longest time in seconds that a request without a deadline waits for a service that is not there.")]
    public int TierWaitSeconds { get; set; } = 120;

    /// <summary>Where the web page and the OpenAI-compatible API are served, over HTTP/1.1.</summary>
    [Required]
    [Description("Address of the web page and the OpenAI-compatible API (HTTP/1.1; port 0: any free one), or none.")]
    public string WebAddress { get; set; } = "http://127.0.0.1:5080";

    /// <summary>Names by which a browser may ask for the web page.</summary>
    [Required]
    [RegularExpression(@"(\*|(\*\.)?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(,(\*|(\*\.)?[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]))*",
        ErrorMessage = "WebHosts is '{0}'; allowed: host names without ports, separated by commas, *.name, or *")]
    [Description("Host names that the web page answers to, separated by commas; *.example.org takes all below, * takes any.")]
    public string WebHosts { get; set; } = "localhost,127.0.0.1,[::1]";

    /// <summary>Largest body of a request to the web front, in bytes.</summary>
    [Range(1024, int.MaxValue)]
    [Description("Largest body of a request to the web address, in bytes.")]
    public int MaxWebBodyBytes { get; set; } = 16 << 20;

    /// <summary>Longest prompt in UTF-16 code units.</summary>
    [Range(1, 1_000_000)]
    [Description("Longest prompt in characters.")]
    public int MaxPromptLength { get; set; } = 10_000;

    /// <summary>Least width and height in pixels.</summary>
    [Range(PatchGrid.PixelsPerPatch, 16_384)]
    [Description("Least width and height in pixels, a multiple of 16.")]
    public int MinSide { get; set; } = 64;

    /// <summary>Largest width and height in pixels.</summary>
    [Range(PatchGrid.PixelsPerPatch, 16_384)]
    [Description("Largest width and height in pixels, a multiple of 16.")]
    public int MaxSide { get; set; } = 2048;

    /// <summary>Largest width · height.</summary>
    [Range(PatchGrid.PixelsPerPatch * PatchGrid.PixelsPerPatch, 16_384 * 16_384)]
    [Description("Largest width times height in pixels.")]
    public int MaxPixels { get; set; } = 2048 * 2048;

    /// <summary>Largest number of denoising steps.</summary>
    [Range(1, 10_000)]
    [Description("Largest number of denoising steps.")]
    public int MaxSteps { get; set; } = 200;

    /// <summary>Largest guidance.</summary>
    [Range(0.0, 1000.0)]
    [Description("Largest guidance.")]
    public float MaxGuidance { get; set; } = 100;

    /// <summary>Largest number of images in a request.</summary>
    [Range(1, 10_000)]
    [Description("Largest number of images in a request.")]
    public int MaxCount { get; set; } = 16;

    /// <summary>Images of one request that share passes, where nobody says how many.</summary>
    public const int SharedImages = 4;

    /// <summary>
    /// Largest number of images of one request that a denoiser has at once, or 0 to choose; see <see cref="Tier.ImagesAtOnce"/>.
    /// </summary>
    [Range(0, 1024)]
    [Description("Largest number of images of one request that a denoiser has at once. Several share passes where it batches and they "
        + "are small (4096 tokens together): more images a second, but the first is there later, and their last bits may vary. "
        + "0: 4 where the denoiser says that they do not (batch_invariant), else 1.")]
    public int ImagesPerDenoiser { get; set; }

    /// <summary>Largest number of requests in hand, running or waiting.</summary>
    [Range(1, 1_000_000)]
    [Description("Largest number of requests in hand, running or waiting; more are refused at once.")]
    public int MaxRequests { get; set; } = 10_000;

    /// <summary>Largest number of generations at once.</summary>
    [Range(1, 100_000)]
    [Description("Largest number of generations at once; more wait.")]
    public int MaxGenerations { get; set; } = 64;

    /// <summary>
    /// Largest work that may wait, in steps · (image + text tokens) · images. The default is a little more than a thousand
    /// pictures of 1024×1024 in 28 steps.
    /// </summary>
    [Range(0.0, 1e15)]
    [Description("Largest work that may wait, in steps times tokens (1024x1024 in 28 steps: 129024); requests beyond it are refused.")]
    public long MaxQueuedWork { get; set; } = 150_000_000;

    /// <summary>Seconds after which a waiting batch request gets a share of the places.</summary>
    [Range(0, 86_400)]
    [Description("Seconds after which waiting batch requests get every eighth place, however many interactive ones wait.")]
    public int BatchPatienceSeconds { get; set; } = 60;

    /// <summary>Bytes that remembered prompts may take.</summary>
    [Range(0.0, 1e13)]
    [Description("Bytes that encoded prompts may take, to be used again; 0 remembers none.")]
    public long PromptCacheBytes { get; set; } = 256 << 20;

    /// <summary>Seconds that a detached generation is kept after its end.</summary>
    [Range(1, 604_800)]
    [Description("Seconds that a detached generation is kept after its end.")]
    public int DetachedSeconds { get; set; } = 600;

    /// <summary>Largest number of detached generations, going on or kept.</summary>
    [Range(1, 1_000_000)]
    [Description("Largest number of detached generations, going on or kept.")]
    public int MaxDetached { get; set; } = 1000;

    /// <summary>Bytes that the events and pictures of detached generations may take.</summary>
    [Range(1.0, 1e13)]
    [Description("Bytes that the pictures of detached generations may take; while one goes on, those of raw pixels are set aside.")]
    public long MaxDetachedBytes { get; set; } = 1 << 30;

    /// <summary>Seconds that a caller may take to accept an event.</summary>
    [Range(1, 86_400)]
    [Description("Seconds that a caller may take to accept an event; then its call is cut off.")]
    public int StalledCallerSeconds { get; set; } = 120;

    /// <summary>Puts prompts into the log and the spans.</summary>
    [Description("Put prompts into the log and into spans. They are in neither otherwise.")]
    public bool LogPrompts { get; set; }

    /// <summary>The bounds of the queue.</summary>
    internal QueueLimits QueueLimits() => new(MaxGenerations, MaxQueuedWork, TimeSpan.FromSeconds(BatchPatienceSeconds));

    /// <summary>The bounds of what is kept without a caller.</summary>
    internal DetachedLimits DetachedLimits() => new(MaxDetached, MaxDetachedBytes, TimeSpan.FromSeconds(DetachedSeconds));

    /// <summary>Whom to trust behind the orchestrator, and what to show there.</summary>
    internal ChannelSecurity TierSecurity() => new() { CaFile = TierCa, CertificateFile = TierCertificate, KeyFile = TierKey };

    /// <inheritdoc/>
    public override IEnumerable<ValidationResult> Validate(ValidationContext validationContext)
    {
        foreach (var result in base.Validate(validationContext))
            yield return result;

        if (WebAddress != NoWeb && !ServiceAddress.TryParse(WebAddress, out _))
        {
            yield return new ValidationResult($"WebAddress '{WebAddress}' is not an address; "
                + $"allowed: http://host:port, https://host:port, host:port, unix:/path/of.sock, {NoWeb}",
                [nameof(WebAddress)]);
        }

        foreach (var (name, target) in
            new[] { (nameof(TextEncoder), TextEncoder), (nameof(Denoiser), Denoiser), (nameof(Vae), Vae) })
        {
            if (!ReplicaTarget.TryParse(target, out _, out var problem))
            {
                yield return new ValidationResult(
                    $"{name} '{problem}' is not an address; allowed: {ReplicaTarget.Allowed}", [name]);
            }
            else if (!ReplicaTarget.TryParse(target, out _, out problem, TierSecurity().NeedsTls))
            {
                yield return new ValidationResult(
                    $"{name} '{problem}' is plain text, but TierCa or TierCertificate asks for TLS; allowed: https, unix, dns, file",
                    [name]);
            }
        }

        if (ProblemWithFiles() is { } unusable)
            yield return new ValidationResult(unusable, [nameof(TierCa), nameof(ApiKeys)]);

        foreach (var (name, side) in new[] { (nameof(MinSide), MinSide), (nameof(MaxSide), MaxSide) })
        {
            if (side % PatchGrid.PixelsPerPatch != 0)
                yield return new ValidationResult($"{name} is {side}; allowed: multiples of {PatchGrid.PixelsPerPatch}", [name]);
        }

        if (MinSide > MaxSide)
            yield return new ValidationResult($"MinSide {MinSide} is more than MaxSide {MaxSide}", [nameof(MinSide)]);
        var leastPixels = MinSide * MinSide;
        if (leastPixels > MaxPixels)
            yield return new ValidationResult($"MaxPixels {MaxPixels} is less than MinSide² {leastPixels}", [nameof(MaxPixels)]);
    }

    /// <inheritdoc/>
    protected override IEnumerable<string> TlsAddresses() =>
        ServiceAddress.TryParse(WebAddress, out var web) && web.IsTls ? base.TlsAddresses().Append(WebAddress) : base.TlsAddresses();

    /// <inheritdoc/>
    public override IEnumerable<string> ExposureWarnings()
    {
        var web = WebAddress == NoWeb ? null : ServiceAddress.Parse(WebAddress);
        if (web is { IsLocal: false, IsTls: false })
            yield return $"{web} speaks plain text to other machines; give https:// with --tls-certificate and --tls-key";
        foreach (var warning in base.ExposureWarnings())
            yield return warning;

        var open = new[] { ServiceAddress.Parse(Address), web }.Where(address => address is { IsLocal: false }).ToList();
        if (open.Count > 0 && ApiKeys.Length == 0 && TlsClientCa.Length == 0)
        {
            yield return $"whoever reaches {string.Join(" or ", open)} may order pictures; "
                + "give --api-keys or --tls-client-ca, or addresses of the loopback";
        }
    }

    private string? ProblemWithFiles()
    {
        if ((TierCertificate.Length > 0) != (TierKey.Length > 0))
            return "TierCertificate and TierKey go together; one of them is missing";
        try
        {
            if (ApiKeys.Length > 0)
                _ = new FollowedFiles<object>([ApiKeys], texts => ApiKeyFile.Parse(texts[0]), _ => { }, TimeProvider.System);
            if (TierCa.Length > 0)
                PemCertificates.ReadAuthorities(TierCa);
            if (TierCertificate.Length > 0)
                PemCertificates.FollowIdentity(TierCertificate, TierKey, _ => { }, TimeProvider.System);
            return null;
        }
        catch (InvalidDataException exception)
        {
            return exception.Message;
        }
    }
}
