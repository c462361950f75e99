using FluxGrpc.Cli.Generation;
using FluxGrpc.V1;
using Google.Protobuf.WellKnownTypes;
using Xunit;

namespace FluxGrpc.UnitTests.Cli;

public sealed class GenerationProgressTests
{
    [Fact]
    public void Time_left_is_the_mean_step_time_for_the_steps_to_come_of_all_images()
    {
        var progress = Accepted(images: 2, steps: 4);

        Step(progress, TimeSpan.FromSeconds(1), image: 0, index: 0);
        Step(progress, TimeSpan.FromSeconds(3), image: 0, index: 1);

        Assert.Equal(TimeSpan.FromSeconds(2), progress.TimePerStep);
        Assert.Equal(TimeSpan.FromSeconds(12), progress.TimeLeft);
        Assert.Equal("step 2/4  2.00 s/step  12 s left", progress.Describe());
        Assert.Equal("image 1 of 2", progress.Subject);
    }

    [Fact]
    public void Steps_are_counted_from_one_for_each_image()
    {
        var progress = Accepted(images: 2, steps: 2);
        Step(progress, TimeSpan.FromSeconds(1), image: 0, index: 0);
        Step(progress, TimeSpan.FromSeconds(1), image: 0, index: 1);
        Step(progress, TimeSpan.FromSeconds(1), image: 1, index: 0);

        Assert.Equal("step 1/2  1.00 s/step  1.0 s left", progress.Describe());
        Assert.Equal("image 2 of 2", progress.Subject);
    }

    [Fact]
    public void An_image_is_shown_until_the_next_one_has_taken_a_step()
    {
        var progress = Accepted(images: 2, steps: 2);
        Step(progress, TimeSpan.FromSeconds(1), image: 0, index: 0);
        Step(progress, TimeSpan.FromSeconds(1), image: 0, index: 1);

        Assert.Equal(("image 1 of 2", "step 2/2  1.00 s/step  2.0 s left"), (progress.Subject, progress.Describe()));
    }

    [Fact]
    public void Images_side_by_side_have_steps_of_their_own_and_share_the_time_left()
    {
        var progress = Accepted(images: 3, steps: 4);
        Step(progress, TimeSpan.FromSeconds(2), image: 0, index: 0);
        Step(progress, TimeSpan.FromSeconds(2), image: 1, index: 0);
        Step(progress, TimeSpan.FromSeconds(2), image: 0, index: 1);

        Assert.Equal(("image 1 of 3", "step 2/4  2.00 s/step  9.0 s left"), (progress.Subject, progress.Describe()));

        Step(progress, TimeSpan.FromSeconds(2), image: 1, index: 1);
        for (var index = 2; index < 4; index++)
        {
            Step(progress, TimeSpan.FromSeconds(2), image: 0, index);
            Step(progress, TimeSpan.FromSeconds(2), image: 1, index);
        }

        Assert.Equal(("image 2 of 3", "step 4/4  2.00 s/step  8.0 s left"), (progress.Subject, progress.Describe()));
    }

    [Fact]
    public void Before_the_first_step_no_time_is_promised()
    {
        var progress = Accepted(images: 1, steps: 28);

        Assert.Equal("step 0/28", progress.Describe());
        Assert.Equal("drawing", progress.Subject);
    }

    [Theory]
    [InlineData(0, "next in line")]
    [InlineData(7, "7 requests ahead")]
    public void A_request_that_waits_has_a_place(int ahead, string expected)
    {
        var progress = Accepted(images: 2, steps: 28);

        progress.Observe(new GenerateResponse { Queued = new GenerationQueued { Ahead = ahead } });
        Assert.Equal(("waiting", expected), (progress.Subject, progress.Describe()));
        progress.Observe(new GenerateResponse { Encoded = new PromptEncoded() });

        Assert.Equal(("image 1 of 2", "step 0/28"), (progress.Subject, progress.Describe()));
    }

    [Theory]
    [InlineData(0.04, "0.0 s")]
    [InlineData(9.94, "9.9 s")]
    [InlineData(9.96, "10 s")]
    [InlineData(59.4, "59 s")]
    [InlineData(65, "1 min 05 s")]
    [InlineData(7805, "2 h 10 min")]
    public void Times_are_written_as_people_read_them(double seconds, string expected) =>
        Assert.Equal(expected, Durations.Format(TimeSpan.FromSeconds(seconds)));

    private static GenerationProgress Accepted(int images, int steps)
    {
        var progress = new GenerationProgress();
        progress.Observe(new GenerateResponse
        {
            Accepted = new GenerationAccepted { Settings = new GenerationSettings { Count = images, Steps = steps } },
        });
        return progress;
    }

    private static void Step(GenerationProgress progress, TimeSpan elapsed, int image, int index) => progress.Observe(
        new GenerateResponse { Step = new StepCompleted { ImageIndex = image, StepIndex = index, Elapsed = elapsed.ToDuration() } });
}
