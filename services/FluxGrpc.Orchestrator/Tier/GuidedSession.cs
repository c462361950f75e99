using FluxGrpc.Orchestrator.Sampling;
using FluxGrpc.Tensors;
using FluxGrpc.V1;

namespace FluxGrpc.Orchestrator.Tier;

/// <summary>
/// The sessions of one image: that of its prompt, and one of its negative prompt where it has one. Both are asked at once, so that a
/// denoiser can run them in one pass.
/// </summary>
/// <param name="image">The image.</param>
/// <param name="positive">The prompt's session. Owned by this object from now on.</param>
/// <param name="negative">The negative prompt's session, or null. Owned by this object from now on.</param>
/// <param name="scale">Strength of the true guidance.</param>
internal sealed class GuidedSession(DenoisingImage image, MovableSession positive, MovableSession? negative, float scale) : IDisposable
{
    /// <summary>Name of the replica that answered the prompt last.</summary>
    public string ReplicaId => positive.ReplicaId;

    /// <summary>Times that a session went on at another replica.</summary>
    public int Changes => positive.Changes + (negative?.Changes ?? 0);

    /// <summary>Steps that were sent again because their replica was lost.</summary>
    public int RepeatedSteps => positive.RepeatedSteps + (negative?.RepeatedSteps ?? 0);

    /// <summary>The changes since the last call.</summary>
    public IReadOnlyList<ReplicaChanged> TakeChanges() =>
        negative is null ? positive.TakeChanges() : [.. positive.TakeChanges(), .. negative.TakeChanges()];

    /// <summary>Evaluates the velocity, guided where there is a negative prompt; see <see cref="PredictVelocity"/>.</summary>
    /// <inheritdoc cref="MovableSession.PredictVelocityAsync" path="/exception"/>
    /// <exception cref="InvalidDataException">A denoiser answered nonsense.</exception>
    public async Task<StepResult> PredictVelocityAsync(int index, float timestep, Tensor latents)
    {
        if (negative is null)
            return await positive.PredictVelocityAsync(index, timestep, latents);

        var results = await Task.WhenAll(
            positive.PredictVelocityAsync(index, timestep, latents), negative.PredictVelocityAsync(index, timestep, latents));
        foreach (var result in results)
            DenoiseLoop.CheckVelocity(result, image);
        var guided = TrueGuidance.Combine(
            TensorMessage.Floats(results[0].Velocity), TensorMessage.Floats(results[1].Velocity), scale);
        return new StepResult
        {
            Index = index,
            Velocity = TensorMessage.FromFloats(guided, [.. latents.Shape]),
            ComputeTime = results[0].ComputeTime,
            WaitTime = results[0].WaitTime,
            BatchSize = results[0].BatchSize,
            Reused = results.All(result => result.Reused),
        };
    }

    /// <summary>Ends the sessions in good order, for good or until the next step.</summary>
    public Task CompleteAsync() => negative is null
        ? positive.CompleteAsync()
        : Task.WhenAll(positive.CompleteAsync(), negative.CompleteAsync());

    /// <inheritdoc/>
    public void Dispose()
    {
        positive.Dispose();
        negative?.Dispose();
    }
}
