namespace FluxGrpc.Hosting;

/// <summary>Tells when a service can do its work.</summary>
public interface IModelReadiness
{
    /// <summary>Completes when the model is loaded and warm; fails with what kept it from loading.</summary>
    Task Ready { get; }
}
