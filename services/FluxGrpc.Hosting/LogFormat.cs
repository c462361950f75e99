namespace FluxGrpc.Hosting;

/// <summary>How a service writes its log.</summary>
public enum LogFormat
{
    /// <summary>A line a message, for people.</summary>
    Text,

    /// <summary>A JSON object a message, with the ids of request and trace in its scopes.</summary>
    Json,
}
