using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using FluxGrpc.Channels;
using FluxGrpc.ProcessTests.Cli;
using FluxGrpc.V1;
using Google.Rpc;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1Alpha;
using Xunit;

namespace FluxGrpc.ProcessTests.Security;

/// <summary>Who may order pictures, and how many, over gRPC and over HTTP.</summary>
[Collection(SecuredServicesTests.Name)]
public sealed class ApiKeyTests(SecuredServices services)
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_good_key_draws_over_gRPC_the_command_line_and_HTTP()
    {
        using var call = services.Caller(services.Key).Generate(Order());
        var events = await ReadAsync(call);
        await using var flux = await FluxProcess.RunAsync("generate", "a red circle", "--server", services.Orchestrator.Address,
            "--ca", services.CaFile, "--api-key", services.Key, "--width", "64", "--height", "64", "--steps", "1", "--seed", "1",
            "--output", Path.Combine(Path.GetDirectoryName(services.KeysFile)!, "out.png"));
        using var browser = services.Browser(services.Key);
        using var answer = await browser.PostAsJsonAsync("v1/images/generations", OpenAiOrder());

        var image = Assert.Single(events, happened => happened.EventCase == GenerateResponse.EventOneofCase.Image).Image;
        Assert.True(flux.ExitCode == 0, flux.Error);
        Assert.Equal(image.Data.ToByteArray(),
            await File.ReadAllBytesAsync(Path.Combine(Path.GetDirectoryName(services.KeysFile)!, "out.png")));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("none", "An API key is needed")]
    [InlineData("wrong", "The API key is not right")]
    [InlineData("other secret", "The API key is not right")]
    [InlineData("no key at all", "The API key is not right")]
    [InlineData("expired", "has expired")]
    [InlineData("revoked", "was revoked")]
    public async Task A_key_that_does_not_count_is_UNAUTHENTICATED_and_draws_nothing(string which, string message)
    {
        var key = which switch
        {
            "none" => "",
            "wrong" => Orchestrator.Access.ApiKeyText.Draw(),
            "other secret" => services.Key[..^1] + (services.Key[^1] == '0' ? '1' : '0'),
            "no key at all" => "sk-1234",
            "expired" => services.ExpiredKey,
            _ => services.RevokedKey,
        };
        var before = await services.StepsDoneAsync();
        using var browser = services.Browser(key);

        using var call = services.Caller(key).Generate(Order());
        var refused = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(call));
        using var answer = await browser.PostAsJsonAsync("v1/images/generations", OpenAiOrder());

        Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
        Assert.Contains(message, refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal("INVALID_API_KEY", refused.GetRpcStatus()!.GetDetail<ErrorInfo>().Reason);
        Assert.Equal((HttpStatusCode.Unauthorized, "invalid_api_key"), (answer.StatusCode, await CodeOfAsync(answer)));
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
        Assert.Equal(before, await services.StepsDoneAsync());
    }

    [Fact]
    public async Task Every_method_needs_a_key_but_those_of_health()
    {
        var channel = services.Connect(services.Orchestrator.Address, new ChannelSecurity { CaFile = services.CaFile });
        var client = new ImageGenerationService.ImageGenerationServiceClient(channel);

        var health = await new Health.HealthClient(channel).CheckAsync(new());

        Assert.Equal(HealthCheckResponse.Types.ServingStatus.Serving, health.Status);
        foreach (var call in new Func<Task>[]
        {
            async () => await client.GetStatusAsync(new()),
            async () => await client.GetModelInfoAsync(new()),
            async () => await client.CancelGenerationAsync(new() { RequestId = "x" }),
            async () =>
            {
                using var questions = new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo();
                await questions.ResponseStream.MoveNext(CancellationToken.None);
            },
        })
        {
            Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(call)).StatusCode);
        }
    }

    [Fact]
    public async Task The_page_is_for_everybody_and_its_API_is_not()
    {
        using var browser = services.Browser("");

        using var page = await browser.GetAsync("");
        using var info = await browser.GetAsync("api/info");

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.Unauthorized), (page.StatusCode, info.StatusCode));
    }

    [Fact]
    public async Task Over_its_rate_a_key_gets_RESOURCE_EXHAUSTED_with_the_time_to_wait()
    {
        var client = services.Caller(services.SlowKey);
        using var browser = services.Browser(services.SlowKey);
        using (var allowed = client.Generate(Order(steps: 0))) // Refused for another reason, and counted.
            Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => ReadAsync(allowed))).StatusCode);

        var before = await services.StepsDoneAsync();
        using var call = client.Generate(Order());
        var refused = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(call));
        using var answer = await browser.PostAsJsonAsync("v1/images/generations", OpenAiOrder());

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Equal("RATE_LIMIT_EXCEEDED", refused.GetRpcStatus()!.GetDetail<ErrorInfo>().Reason);
        Assert.InRange(refused.GetRpcStatus()!.GetDetail<RetryInfo>().RetryDelay.ToTimeSpan().TotalSeconds, 0.1, 60);
        Assert.Equal((HttpStatusCode.TooManyRequests, "rate_limit_exceeded"), (answer.StatusCode, await CodeOfAsync(answer)));
        Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        Assert.Equal(before, await services.StepsDoneAsync());
    }

    [Fact]
    public async Task Over_its_requests_at_once_a_key_gets_RESOURCE_EXHAUSTED_and_a_detached_one_counts()
    {
        var client = services.Caller(services.SingleKey);
        var order = Order(steps: 200, count: 16);
        (order.RequestId, order.Detached) = ($"held-{Guid.NewGuid():N}", true);
        using (var held = client.Generate(order))
            Assert.True(await held.ResponseStream.MoveNext(CancellationToken.None)); // Its caller leaves; the work goes on.

        using var call = client.Generate(Order());
        var refused = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(call));
        var stranger = await Assert.ThrowsAsync<RpcException>(async () =>
            await services.Caller(services.Key).CancelGenerationAsync(new() { RequestId = order.RequestId }));
        await client.CancelGenerationAsync(new() { RequestId = order.RequestId });

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.Equal("CONCURRENCY_LIMIT_EXCEEDED", refused.GetRpcStatus()!.GetDetail<ErrorInfo>().Reason);
        Assert.NotNull(refused.GetRpcStatus()!.GetDetail<RetryInfo>());
        Assert.Equal(StatusCode.NotFound, stranger.StatusCode);
        await UntilAsync(async () =>
        {
            using var next = client.Generate(Order());
            await ReadAsync(next);
        }, refusal => refusal.StatusCode == StatusCode.ResourceExhausted);
    }

    [Fact]
    public async Task A_key_for_batch_work_asks_for_interactive_work_in_vain()
    {
        var order = Order();
        order.Priority = Priority.Interactive;

        using var call = services.Caller(services.SingleKey).Generate(order);
        var refused = await Assert.ThrowsAsync<RpcException>(() => ReadAsync(call));

        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
    }

    [Fact]
    public async Task Keys_are_made_and_revoked_while_the_orchestrator_runs()
    {
        await using var made = await FluxProcess.RunAsync("keys", "new", "--file", services.KeysFile, "--name", "late");
        Assert.True(made.ExitCode == 0, made.Error);
        var client = services.Caller(made.Output.Trim());
        await UntilAsync(
            async () => await client.GetStatusAsync(new()), refusal => refusal.StatusCode == StatusCode.Unauthenticated);
        Assert.DoesNotContain(made.Output.Trim()[18..], await File.ReadAllTextAsync(services.KeysFile), StringComparison.Ordinal);

        await using var revoked = await FluxProcess.RunAsync("keys", "revoke", made.Output.Trim(), "--file", services.KeysFile);
        Assert.True(revoked.ExitCode == 0, revoked.Error);
        var refusal = await UntilRefusedAsync(async () => await client.GetStatusAsync(new()));

        Assert.Equal(StatusCode.Unauthenticated, refusal.StatusCode);
        Assert.Contains("'late' was revoked", refusal.Status.Detail, StringComparison.Ordinal);
    }

    private static GenerateRequest Order(int steps = 1, int count = 1) =>
        new() { Prompt = "a red circle", Width = 64, Height = 64, Steps = steps, Count = count, Seed = 1 };

    private static object OpenAiOrder() => new { prompt = "a red circle", size = "64x64", steps = 1, seed = 1 };

    private static async Task<List<GenerateResponse>> ReadAsync(AsyncServerStreamingCall<GenerateResponse> call) =>
        await call.ResponseStream.ReadAllAsync().ToListAsync();

    private static async Task<string> CodeOfAsync(HttpResponseMessage answer) =>
        (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error").GetProperty("code").GetString()!;

    /// <summary>Tries until it works; refusals that are expected for a while are no failure.</summary>
    private static async Task UntilAsync(Func<Task> call, Predicate<RpcException> isExpected)
    {
        using var timeout = new CancellationTokenSource(_patience);
        while (true)
        {
            try
            {
                await call();
                return;
            }
            catch (RpcException refusal) when (isExpected(refusal))
            {
                await Task.Delay(50, timeout.Token);
            }
        }
    }

    private static async Task<RpcException> UntilRefusedAsync(Func<Task> call)
    {
        using var timeout = new CancellationTokenSource(_patience);
        while (true)
        {
            try
            {
                await call();
                await Task.Delay(50, timeout.Token);
            }
            catch (RpcException refusal)
            {
                return refusal;
            }
        }
    }
}
