using System.CommandLine;
using FluxGrpc.Training;

var output = new Option<string>("--output") { Description = "Folder of the finished checkpoint.", Required = true };
var work = new Option<string>("--work") { Description = "Folder of the saved state, loss curves and sample sheets.", Required = true };
var minutes = new Option<double>("--minutes")
{
    Description = "Minutes in which all cores compute, for all four phases.",
    DefaultValueFactory = _ => 120,
};
var autoEncoder = new Option<double?>("--autoencoder-minutes")
{
    Description = "Of these for the autoencoder; 9 % by default, none with --from, from where only its decoder learns on.",
};
var guidance = new Option<double?>("--guidance-minutes") { Description = "Of these for the guidance distillation; 16 % by default." };
var from = new Option<string?>("--from")
{
    Description = "Checkpoint to go on from: its tokenizers and encoder of pictures stay, both objects come from the first step on.",
};
var readsAnew = new Option<bool>("--read-anew")
{
    Description = "With --from: a new T5 encoder learns to read and to say nearly what the checkpoint's own says; "
        + "for one that never learnt the order of words.",
};
var seed = new Option<int>("--seed") { Description = "Seed of weights, scenes, captions and noise.", DefaultValueFactory = _ => 1 };
var device = new Option<string>("--device")
{
    Description = "cpu or cuda:N; the first GPU where there is one.",
    DefaultValueFactory = _ => "auto",
};

var command = new RootCommand("Trains the mini checkpoint. Stop it with Ctrl+C; the same command goes on where it stopped.")
{
    output, work, minutes, autoEncoder, guidance, from, readsAnew, seed, device,
};
command.SetAction((parsed, cancellation) =>
{
    var total = parsed.GetValue(minutes);
    var options = TrainingOptions.Open(parsed.GetValue(device)!) with
    {
        OutputFolder = parsed.GetValue(output)!,
        WorkFolder = parsed.GetValue(work)!,
        StartFolder = parsed.GetValue(from),
        ReadsAnew = parsed.GetValue(readsAnew),
        Seed = parsed.GetValue(seed),
        AutoEncoderMinutes = parsed.GetValue(autoEncoder) ?? (parsed.GetValue(from) is null ? 0.09 * total : 0),
        GuidanceMinutes = parsed.GetValue(guidance) ?? 0.16 * total,
        TotalMinutes = total,
    };
    if (options.Problem is { } problem)
    {
        Console.Error.WriteLine(problem);
        return Task.FromResult(1);
    }

    // On a thread of its own: the signal's handler is only there once the action has returned its task.
    return Task.Run(() =>
    {
        using var session = new TrainingSession(options, Console.Out);
        return session.Run(cancellation) ? 0 : 1;
    });
});
// Saving takes a step's time after the signal.
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
