using FluxGrpc.Tensors;
using Grpc.Core;

namespace FluxGrpc.Hosting;

/// <summary>Holds a service's model, which arrives some time after the service has begun to listen.</summary>
public sealed class ModelSlot<TModel> : IModelReadiness
    where TModel : class
{
    private static readonly TimeSpan _retryDelay = TimeSpan.FromSeconds(1);

    private readonly TaskCompletionSource<TModel> _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public Task Ready => _loaded.Task;

    /// <summary>The model; null while it is loading.</summary>
    public TModel? Loaded => _loaded.Task.IsCompletedSuccessfully ? _loaded.Task.Result : null;

    /// <summary>The model.</summary>
    /// <exception cref="RpcException">UNAVAILABLE while it is loading.</exception>
    public TModel Get() => Loaded ?? throw RpcErrors.Unavailable("MODEL_LOADING", "The weights are still loading", _retryDelay);

    internal void Fill(TModel model) => _loaded.TrySetResult(model);

    internal void Fail(Exception exception) => _loaded.TrySetException(exception);

    internal void Abandon() => _loaded.TrySetCanceled();
}
