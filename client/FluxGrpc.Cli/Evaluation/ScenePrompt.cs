using FluxGrpc.Scenes;

namespace FluxGrpc.Cli.Evaluation;

/// <summary>A prompt and the scene that it describes.</summary>
internal sealed record ScenePrompt(string Text, Scene Scene);

/// <summary>A picture of a prompt.</summary>
internal sealed record DrawnPicture(ScenePrompt Prompt, RgbImage Pixels);
