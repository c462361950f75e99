namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>The body of an answer with images.</summary>
/// <param name="Created">Seconds since 1970.</param>
/// <param name="Data">The images.</param>
/// <param name="Background">Always "opaque".</param>
/// <param name="OutputFormat">Type of the files.</param>
/// <param name="Quality">Always "auto".</param>
/// <param name="Size">Width and height: "1024x1024".</param>
/// <param name="Usage">Tokens.</param>
internal sealed record ImagesAnswer(
    long Created, IReadOnlyList<ImageData> Data, string Background, string OutputFormat, string Quality, string Size, TokensUsed Usage);
