using Grpc.Net.Client;
using Grpc.Reflection.V1Alpha;

namespace FluxGrpc.Testing.Processes;

/// <summary>Asks a server what it serves, as grpcurl does.</summary>
public static class Reflection
{
    /// <summary>Full names of the services.</summary>
    public static async Task<IReadOnlyList<string>> ListServicesAsync(GrpcChannel channel)
    {
        using var call = new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new ServerReflectionRequest { ListServices = "" });
        await call.RequestStream.CompleteAsync();
        await call.ResponseStream.MoveNext(CancellationToken.None);
        return [.. call.ResponseStream.Current.ListServicesResponse.Service.Select(service => service.Name)];
    }
}
