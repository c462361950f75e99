using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>
/// Events of one image after another: OpenAI's do not say which image they are of, and ours overlap, as an image is drawn while the
/// next one is denoised.
/// </summary>
internal static class ImagesInTurn
{
    /// <summary>Holds an image's steps back until the image ahead is there.</summary>
    public static async IAsyncEnumerable<GenerateResponse> Of(IAsyncEnumerable<GenerateResponse> events)
    {
        var held = new Queue<GenerateResponse>();
        var turn = 0;
        await foreach (var happened in events)
        {
            if (happened.Step is { } step && step.ImageIndex > turn)
            {
                held.Enqueue(happened);
                continue;
            }

            yield return happened;
            if (happened.Image is not { } image)
                continue;
            turn = image.ImageIndex + 1;
            while (held.TryDequeue(out var next))
                yield return next;
        }
    }
}
