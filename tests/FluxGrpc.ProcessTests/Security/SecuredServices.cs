using System.Security.Cryptography.X509Certificates;
using FluxGrpc.Channels;
using FluxGrpc.Cli.Certificates;
using FluxGrpc.Orchestrator.Access;
using FluxGrpc.ProcessTests.Cli;
using FluxGrpc.Testing;
using FluxGrpc.Testing.Processes;
using FluxGrpc.V1;
using Grpc.Net.Client;
using Xunit;

namespace FluxGrpc.ProcessTests.Security;

/// <summary>
/// The four services with everything locked: mutual TLS between them, TLS and API keys towards callers. Certificates come from
/// <c>flux certificates</c>.
/// </summary>
public sealed class SecuredServices : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<ServiceProcess> _services = [];
    private readonly List<GrpcChannel> _channels = [];
    private readonly List<ApiKey> _keys = [];

    /// <summary>The orchestrator.</summary>
    public ServiceProcess Orchestrator => _services[3];

    /// <summary>The denoiser; its own channel shows the orchestrator's certificate.</summary>
    public ServiceProcess Denoiser => _services[1];

    /// <summary>The internal services: text encoder, denoiser, VAE.</summary>
    public IReadOnlyList<ServiceProcess> Models => _services[..3];

    /// <summary>Where the denoiser answers health checks without TLS.</summary>
    public string DenoiserHealth { get; private set; } = "";

    /// <summary>A key without limits.</summary>
    public string Key { get; private set; } = "";

    /// <summary>A key that has expired.</summary>
    public string ExpiredKey { get; private set; } = "";

    /// <summary>A key that was revoked before the start.</summary>
    public string RevokedKey { get; private set; } = "";

    /// <summary>A key for one request a minute.</summary>
    public string SlowKey { get; private set; } = "";

    /// <summary>A key for one request at once, and for batch work.</summary>
    public string SingleKey { get; private set; } = "";

    /// <summary>The file of keys, which the orchestrator follows.</summary>
    public string KeysFile => _folder.PathOf("keys.json");

    /// <summary>The certificate of the CA that everything here trusts.</summary>
    public string CaFile => Certificate("pki", "ca");

    /// <summary>A certificate: of the services' own CA in "pki", of a CA that nobody knows in "strangers".</summary>
    public string Certificate(string folder, string name) => _folder.PathOf(folder, $"{name}.crt");

    /// <summary>Trusts the services and shows a certificate.</summary>
    public ChannelSecurity Showing(string folder, string name) =>
        new() { CaFile = CaFile, CertificateFile = Certificate(folder, name), KeyFile = _folder.PathOf(folder, $"{name}.key") };

    /// <summary>A channel that is closed in the end.</summary>
    public GrpcChannel Connect(string address, ChannelSecurity security)
    {
        var channel = ServiceChannel.Create(ServiceAddress.Parse(address), security);
        _channels.Add(channel);
        return channel;
    }

    /// <summary>A caller of the orchestrator who has a key.</summary>
    public ImageGenerationService.ImageGenerationServiceClient Caller(string key) =>
        new(Connect(Orchestrator.Address, new ChannelSecurity { CaFile = CaFile, ApiKey = key }));

    /// <summary>A browser or another HTTP client, which trusts the CA.</summary>
    public HttpClient Browser(string key)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.CertificateChainPolicy = PemCertificates.TrustOnly(PemCertificates.ReadAuthorities(CaFile));
        var client = new HttpClient(handler) { BaseAddress = new Uri(Orchestrator.WebAddress) };
        if (key.Length > 0)
            client.DefaultRequestHeaders.Authorization = new("Bearer", key);
        return client;
    }

    /// <summary>Steps that the denoiser has computed since its start.</summary>
    public async Task<long> StepsDoneAsync() =>
        (await new DenoiserService.DenoiserServiceClient(Denoiser.Channel).GetLoadAsync(new())).StepsDone;

    public async Task InitializeAsync()
    {
        await MakeCertificatesAsync();
        MakeKeys();
        var models = await Task.WhenAll(
            StartModelAsync("FluxGrpc.TextEncoder", "text-encoder"),
            StartModelAsync("FluxGrpc.Denoiser", "denoiser", "--health-address", $"unix:{_folder.PathOf("health.sock")}"),
            StartModelAsync("FluxGrpc.Vae", "vae"));
        _services.AddRange(models);
        DenoiserHealth = $"unix:{_folder.PathOf("health.sock")}";
        _services.Add(await ServiceProcess.StartAsync(new ProgramStart("FluxGrpc.Orchestrator",
        [
            "--address", "https://127.0.0.1:0", "--web-address", "https://127.0.0.1:0", .. TlsOf("orchestrator"),
            "--text-encoder", models[0].Address, "--denoiser", models[1].Address, "--vae", models[2].Address,
            "--tier-ca", CaFile, "--tier-certificate", Certificate("pki", "orchestrator"),
            "--tier-key", _folder.PathOf("pki", "orchestrator.key"), "--api-keys", KeysFile,
        ])
        {
            Security = new ChannelSecurity { CaFile = CaFile, ApiKey = Key },
        }));
        await Orchestrator.WaitUntilServingAsync();
    }

    public async Task DisposeAsync()
    {
        foreach (var channel in _channels)
            channel.Dispose();
        foreach (var service in Enumerable.Reverse(_services))
            await service.DisposeAsync();
        _folder.Dispose();
    }

    private async Task MakeCertificatesAsync()
    {
        foreach (var folder in new[] { "pki", "strangers" })
        {
            await using var flux = await FluxProcess.RunAsync("certificates", "--output", Path.Combine(_folder.Path, folder));
            Assert.True(flux.ExitCode == 0, flux.Error);
        }

        using var authority = TestAuthority.Read(CaFile, _folder.PathOf("pki", "ca.key"));
        using var ca = X509CertificateLoader.LoadCertificateFromFile(CaFile);
        const string Name = "orchestrator.flux.internal";
        authority.Issue(Name, [Name], ca.NotBefore, TimeProvider.System.GetUtcNow().AddMinutes(-1))
            .Write(Path.Combine(_folder.Path, "pki"), "expired");
    }

    private void MakeKeys()
    {
        var now = TimeProvider.System.GetUtcNow();
        Key = Add(key => key with { Name = "good", RequestsPerMinute = 0, MaxConcurrent = 0 });
        ExpiredKey = Add(key => key with { Name = "expired", Expires = now.AddSeconds(-1) });
        RevokedKey = Add(key => key with { Name = "revoked", Revoked = now.AddSeconds(-1) });
        SlowKey = Add(key => key with { Name = "slow", RequestsPerMinute = 1 });
        SingleKey = Add(key => key with { Name = "single", RequestsPerMinute = 0, MaxConcurrent = 1, Priority = Priority.Batch });
        File.WriteAllText(KeysFile, ApiKeyFile.Serialize(_keys));
    }

    private string Add(Func<ApiKey, ApiKey> with)
    {
        var text = ApiKeyText.Draw();
        Assert.True(ApiKeyText.TryGetId(text, out var id));
        _keys.Add(with(new ApiKey { Id = id, Name = "", Sha256 = Convert.ToHexString(ApiKeyText.Hash(text)) }));
        return text;
    }

    private Task<ServiceProcess> StartModelAsync(string program, string name, params IEnumerable<string> more) =>
        ServiceProcess.StartAsync(new ProgramStart(program,
        [
            "--address", "https://127.0.0.1:0", "--checkpoint", RealServicesFixture.Checkpoint, "--dtype", "float32",
            .. TlsOf(name), "--tls-client-ca", CaFile, .. more,
        ])
        {
            Security = Showing("pki", "orchestrator"),
        });

    private string[] TlsOf(string name) =>
        ["--tls-certificate", Certificate("pki", name), "--tls-key", _folder.PathOf("pki", $"{name}.key")];
}

/// <summary>Tests that share <see cref="SecuredServices"/>.</summary>
[CollectionDefinition(Name)]
public sealed class SecuredServicesTests : ICollectionFixture<SecuredServices>
{
    public const string Name = "Secured services";
}
