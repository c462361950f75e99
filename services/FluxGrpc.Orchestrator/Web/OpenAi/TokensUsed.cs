namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>Tokens that a request took.</summary>
/// <param name="InputTokens">Those of the prompt.</param>
/// <param name="OutputTokens">Those of the images.</param>
/// <param name="TotalTokens">All.</param>
/// <param name="InputTokensDetails">Of what the input's were.</param>
internal sealed record TokensUsed(int InputTokens, int OutputTokens, int TotalTokens, TokensOfInput InputTokensDetails);

/// <summary>Tokens of the input.</summary>
/// <param name="TextTokens">Those of texts.</param>
/// <param name="ImageTokens">Those of images.</param>
internal sealed record TokensOfInput(int TextTokens, int ImageTokens);
