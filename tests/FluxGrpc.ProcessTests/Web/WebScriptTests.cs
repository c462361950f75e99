using FluxGrpc.Testing;
using FluxGrpc.V1;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.ProcessTests.Web;

/// <summary>The web front under the programs that it is for: a browser, and OpenAI's own client.</summary>
[Collection(RealServicesTests.Name)]
public sealed class WebScriptTests(RealServicesFixture fixture) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [BrowserFact]
    public Task The_page_works_in_a_real_browser()
    {
        var artifacts = Directory.CreateDirectory(Repository.PathOf("artifacts", "screenshots"));
        return WebScript.RunAsync("page.test.js", new Dictionary<string, string>
        {
            ["FLUX_TEST_WEB"] = fixture.Services.Orchestrator.WebAddress,
            ["CHROMIUM"] = BrowserFactAttribute.Chromium!,
            ["ARTIFACTS"] = artifacts.FullName,
        });
    }

    [NodeFact]
    public async Task The_api_serves_OpenAIs_own_client()
    {
        // What the script orders.
        var (image, edit) = (_folder.PathOf("image.png"), _folder.PathOf("edit.png"));
        await File.WriteAllBytesAsync(image, await ImageOverGrpcAsync(new GenerateRequest
        {
            Prompt = "a red circle left of a blue square",
            Width = 128,
            Height = 96,
            Steps = 4,
            Seed = 1234,
        }));
        await File.WriteAllBytesAsync(edit, await ImageOverGrpcAsync(new GenerateRequest
        {
            Prompt = "a green star",
            InitImage = ByteString.CopyFrom(await File.ReadAllBytesAsync(image)),
            Strength = 0.5f,
            Steps = 4,
            Seed = 5,
        }));

        await WebScript.RunAsync("openai.test.js", new Dictionary<string, string>
        {
            ["FLUX_TEST_WEB"] = fixture.Services.Orchestrator.WebAddress,
            ["EXPECTED_PNG"] = image,
            ["EXPECTED_EDIT"] = edit,
        });
    }

    private async Task<byte[]> ImageOverGrpcAsync(GenerateRequest request)
    {
        using var call = fixture.Orchestrator.Generate(request);
        await foreach (var response in call.ResponseStream.ReadAllAsync())
        {
            if (response.Image is { } image)
                return image.Data.ToByteArray();
        }

        throw new InvalidOperationException("No image came");
    }
}
