using FluxGrpc.Hosting;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace FluxGrpc.UnitTests.Hosting;

public sealed class RequestLimitTests
{
    [Fact]
    public void A_place_too_many_is_refused_until_one_is_free()
    {
        var limit = new RequestLimit(most: 2);
        var first = limit.Enter();
        using var second = limit.Enter();

        var error = Assert.Throws<RpcException>(limit.Enter);

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.NotNull(error.GetRpcStatus()!.GetDetail<RetryInfo>());
        first.Dispose();
        first.Dispose(); // Frees its place once.
        using var third = limit.Enter();
        Assert.Throws<RpcException>(limit.Enter);
    }
}
