using System.Globalization;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Generation;

/// <summary>How far a run is, from its events alone.</summary>
internal sealed class GenerationProgress
{
    private TimeSpan _elapsed;

    /// <summary>Images in all; 0 before the request was accepted.</summary>
    public int Images { get; private set; }

    /// <summary>Steps of one image.</summary>
    public int StepsPerImage { get; private set; }

    /// <summary>Steps done, of all images together.</summary>
    public int StepsDone { get; private set; }

    /// <summary>Steps of all images together.</summary>
    public int Steps => Images * StepsPerImage;

    /// <summary>Requests that wait ahead of this one; null while it does not wait.</summary>
    public int? Ahead { get; private set; }

    /// <summary>Mean time of the steps so far.</summary>
    public TimeSpan TimePerStep => StepsDone == 0 ? TimeSpan.Zero : _elapsed / StepsDone;

    /// <summary>Time that the steps to come will take.</summary>
    public TimeSpan TimeLeft => TimePerStep * (Steps - StepsDone);

    /// <summary>Takes note of an event.</summary>
    public void Observe(GenerateResponse happened)
    {
        Ahead = happened.Queued?.Ahead;
        switch (happened.EventCase)
        {
            case GenerateResponse.EventOneofCase.Accepted:
                Images = happened.Accepted.Settings.Count;
                StepsPerImage = happened.Accepted.Settings.Steps;
                break;
            case GenerateResponse.EventOneofCase.Step:
                StepsDone++;
                _elapsed += happened.Step.Elapsed.ToTimeSpan();
                break;
        }
    }

    /// <summary>What is being drawn: "image 2 of 3", or "drawing" where there is but one; "waiting" in the queue.</summary>
    public string Subject
    {
        get
        {
            if (Ahead is not null)
                return "waiting";
            if (Images <= 1 || StepsPerImage == 0)
                return "drawing";
            var current = Math.Max(StepsDone - 1, 0) / StepsPerImage + 1;
            return string.Create(CultureInfo.InvariantCulture, $"image {current} of {Images}");
        }
    }

    /// <summary>Step, time per step, time left: "step 3/28  0.52 s/step  13 s left"; the place in the queue: "2 requests ahead".</summary>
    public string Describe()
    {
        if (Ahead is { } ahead)
            return ahead == 0 ? "next in line" : string.Create(CultureInfo.InvariantCulture, $"{ahead} requests ahead");
        if (StepsDone == 0)
            return string.Create(CultureInfo.InvariantCulture, $"step 0/{StepsPerImage}");

        var step = (StepsDone - 1) % StepsPerImage + 1;
        return string.Create(CultureInfo.InvariantCulture,
            $"step {step}/{StepsPerImage}  {TimePerStep.TotalSeconds:0.00} s/step  {Durations.Format(TimeLeft)} left");
    }
}
