using FluxGrpc.Denoiser.Sessions;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Denoiser;

public sealed class SessionRegistryTests
{
    [Fact]
    public void Work_is_steps_times_tokens_and_falls_with_each_new_step()
    {
        var registry = new SessionRegistry("replica", maxSessions: 2);

        var first = registry.Enter(remainingSteps: 4, tokens: 100);
        var second = registry.Enter(remainingSteps: 2, tokens: 10);
        Assert.Equal(new Load(2, 420, 0), registry.Current);

        first.CountStep(remainingSteps: 3);
        first.CountStep(remainingSteps: 3);
        Assert.Equal(new Load(2, 320, 2), registry.Current);

        first.Dispose();
        first.Dispose();
        second.Dispose();
        Assert.Equal(new Load(0, 0, 2), registry.Current);
    }

    [Fact]
    public void One_session_too_many_is_told_when_to_come_back()
    {
        var registry = new SessionRegistry("replica", maxSessions: 1);
        using var first = registry.Enter(1, 1);

        var exception = Assert.Throws<RpcException>(() => registry.Enter(1, 1));

        Assert.Equal(StatusCode.ResourceExhausted, exception.StatusCode);
        Assert.True(exception.GetRpcStatus()!.GetDetail<RetryInfo>().RetryDelay.ToTimeSpan() > TimeSpan.Zero);
        Assert.Equal(1, registry.Current.Sessions);
    }
}
