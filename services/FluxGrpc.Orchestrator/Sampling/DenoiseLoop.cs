using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Sampling;

/// <summary>Evaluates the velocity; any replica of the denoiser can, as each step says all that it depends on.</summary>
/// <param name="index">Index of the step.</param>
/// <param name="timestep">t of the latents.</param>
/// <param name="latents">Packed latents [1, N, C], FLOAT32.</param>
/// <returns>The velocity [1, N, C] in the latents' type.</returns>
public delegate Task<StepResult> PredictVelocity(int index, float timestep, Tensor latents);

/// <summary>A step that was taken.</summary>
/// <param name="Index">Index of the step.</param>
/// <param name="Elapsed">Time of the whole step.</param>
/// <param name="Timestep">t of its last evaluation.</param>
/// <param name="Latents">The latents [1, N, C] that went into that.</param>
/// <param name="Result">The denoiser's answer to that.</param>
public sealed record CompletedStep(int Index, TimeSpan Elapsed, float Timestep, Tensor Latents, StepResult Result);

/// <summary>Takes an image from where it stands to its last step. Reference: <c>denoise</c>.</summary>
public static class DenoiseLoop
{
    /// <summary>
    /// Takes the steps that are still to do, one each time the caller asks for the next. When an evaluation fails the image is as it
    /// was before that evaluation, and another call goes on from there.
    /// </summary>
    /// <param name="image">The image; moved on by each step.</param>
    /// <param name="predict">Evaluates the velocity.</param>
    /// <param name="time">Measures the steps.</param>
    /// <exception cref="InvalidDataException">The velocity is not FLOAT32 [1, N, C] or not finite.</exception>
    public static async IAsyncEnumerable<CompletedStep> RunAsync(DenoisingImage image, PredictVelocity predict, TimeProvider time)
    {
        while (!image.IsDone)
        {
            var started = time.GetTimestamp();
            var index = image.NextStep;
            float timestep;
            Tensor latents;
            StepResult result;
            do
            {
                (timestep, latents) = (image.Timestep, image.LatentsMessage());
                result = await predict(index, timestep, latents);
                CheckVelocity(result, image);
                image.Advance(TensorMessage.Floats(result.Velocity), result.Reused);
            }
            while (image.NextStep == index); // Some samplers evaluate twice in a step.

            yield return new CompletedStep(index, time.GetElapsedTime(started), timestep, latents, result);
        }
    }

    /// <summary>Checks an answer to an evaluation of the image.</summary>
    /// <exception cref="InvalidDataException">The velocity is not FLOAT32 [1, N, C] or not finite.</exception>
    internal static void CheckVelocity(StepResult result, DenoisingImage image)
    {
        if (Problem(result, image) is { } problem)
            throw new InvalidDataException($"The velocity of step {result.Index} {problem}");
    }

    private static string? Problem(StepResult result, DenoisingImage image)
    {
        var velocity = result.Velocity;
        if (TensorMessage.Problem(velocity, DataType.Float32) is { } problem)
            return problem;
        if (!Shape.Is(velocity, 1, image.Grid.TokenCount, image.Channels))
            return $"has shape {Shape.Format(velocity.Shape)}, not {Shape.Format([1, image.Grid.TokenCount, image.Channels])}";
        return TensorMessage.AllFinite(velocity) ? null : "holds NaN or infinity";
    }
}
