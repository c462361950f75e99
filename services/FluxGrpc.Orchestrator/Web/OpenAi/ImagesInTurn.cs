using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Web.OpenAi;

/// <summary>
/// Events of one image after another: OpenAI's do not say which image they are of, and ours come mixed where images are made side by
/// side.
/// </summary>
internal static class ImagesInTurn
{
    /// <summary>Holds an image's steps and the image itself back until all of the images ahead are there.</summary>
    public static async IAsyncEnumerable<GenerateResponse> Of(IAsyncEnumerable<GenerateResponse> events)
    {
        var held = new Dictionary<int, List<GenerateResponse>>();
        var turn = 0;
        await foreach (var happened in events)
        {
            var index = happened.Step?.ImageIndex ?? happened.Image?.ImageIndex ?? turn;
            if (index > turn)
            {
                if (!held.TryGetValue(index, out var later))
                    held[index] = later = [];
                later.Add(happened);
                continue;
            }

            yield return happened;
            var isMade = happened.Image is not null;
            while (isMade && held.Remove(++turn, out var its))
            {
                foreach (var next in its)
                    yield return next;
                isMade = its[^1].Image is not null;
            }
        }
    }
}
