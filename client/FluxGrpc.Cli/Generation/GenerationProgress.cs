using System.Globalization;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Generation;

/// <summary>How far a run is, from its events alone.</summary>
internal sealed class GenerationProgress
{
    private readonly Dictionary<int, int> _stepsOf = [];
    private TimeSpan _elapsed;
    private int _image;
    private int _mostAtOnce = 1;

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

    /// <summary>Time that the steps to come will take, as many images at once as there have been.</summary>
    public TimeSpan TimeLeft =>
        TimePerStep * (Steps - StepsDone) / Math.Clamp(Images - _stepsOf.Values.Count(IsAll), 1, _mostAtOnce);

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
                _image = happened.Step.ImageIndex;
                _stepsOf[_image] = happened.Step.StepIndex + 1;
                _mostAtOnce = Math.Max(_mostAtOnce, _stepsOf.Values.Count(steps => !IsAll(steps)));
                break;
        }
    }

    /// <summary>What took the latest step: "image 2 of 3", or "drawing" where there is but one; "waiting" in the queue.</summary>
    public string Subject
    {
        get
        {
            if (Ahead is not null)
                return "waiting";
            return Images <= 1 ? "drawing" : string.Create(CultureInfo.InvariantCulture, $"image {_image + 1} of {Images}");
        }
    }

    /// <summary>Step, time per step, time left: "step 3/28  0.52 s/step  13 s left"; the place in the queue: "2 requests ahead".</summary>
    public string Describe()
    {
        if (Ahead is { } ahead)
            return ahead == 0 ? "next in line" : string.Create(CultureInfo.InvariantCulture, $"{ahead} requests ahead");
        if (StepsDone == 0)
            return string.Create(CultureInfo.InvariantCulture, $"step 0/{StepsPerImage}");

        return string.Create(CultureInfo.InvariantCulture,
            $"step {_stepsOf[_image]}/{StepsPerImage}  {TimePerStep.TotalSeconds:0.00} s/step  {Durations.Format(TimeLeft)} left");
    }

    private bool IsAll(int steps) => steps >= StepsPerImage;
}
