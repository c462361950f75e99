using System.CommandLine;
using FluxGrpc.Benchmarks;
using FluxGrpc.Benchmarks.Simulation;
using FluxGrpc.Benchmarks.Soak;
using FluxGrpc.Denoiser.Model;
using FluxGrpc.LocalCluster;
using FluxGrpc.Testing;
using FluxGrpc.Torch;

var checkpoint = new Option<DirectoryInfo?>("--checkpoint")
{
    Description = "Transformer to measure. By default random weights of the seed size (hidden 3072, 2 + 2 blocks, 2 GB) are written once.",
};
var device = new Option<string>("--device") { Description = "Device.", DefaultValueFactory = _ => "cpu" };
var dtype = new Option<string>("--dtype") { Description = "auto, float32 or bfloat16.", DefaultValueFactory = _ => "auto" };
var side = new Option<int>("--side") { Description = "Width and height in pixels.", DefaultValueFactory = _ => 512 };
var textTokens = new Option<int>("--text-tokens") { Description = "Text tokens.", DefaultValueFactory = _ => 512 };
var rounds = new Option<int>("--rounds") { Description = "Rounds; the figures are medians.", DefaultValueFactory = _ => 7 };

var step = new Command("step", "Seconds of a denoise step in process, over a Unix socket and over TCP; share of the machine's matrix rate.")
{
    checkpoint, device, dtype, side, textTokens, rounds,
};
step.SetAction((parsed, _) => StepBenchmark.RunAsync(TransformerFolder(parsed.GetValue(checkpoint)), parsed.GetRequiredValue(device),
    parsed.GetRequiredValue(dtype), parsed.GetValue(side), parsed.GetValue(textTokens), parsed.GetValue(rounds)));

var part = new Option<string>("--part")
{
    Description = "transformer (--checkpoint), vae (FLUX's sizes) or t5 (two layers of XXL), the latter two with random weights.",
    DefaultValueFactory = _ => "transformer",
};
part.AcceptOnlyFromAmong("transformer", "vae", "t5");
var kernels = new Command("kernels", "A model by each way to compute: speed, share of the machine's matrix rate, difference.")
{
    part, checkpoint, device, dtype, side, textTokens, rounds,
};
kernels.SetAction((parsed, _) =>
{
    var (pixels, tokens) = (parsed.GetValue(side), parsed.GetValue(textTokens));
    Func<ComputeDevice, ILocalRun> make = parsed.GetRequiredValue(part) switch
    {
        "vae" => on => LocalDecoding.Make(on, pixels),
        "t5" => on => LocalEncoding.Load(on, tokens),
        _ => on => LocalStep.Load(TransformerFolder(parsed.GetValue(checkpoint)), on, pixels / 16, tokens),
    };
    return KernelsBenchmark.RunAsync(make, parsed.GetRequiredValue(device), parsed.GetRequiredValue(dtype), parsed.GetValue(rounds));
});

var weightTypes = new Command("weight-types", "A step with its weights held in each type there is: time, memory, difference.")
{
    checkpoint, device, dtype, side, textTokens, rounds,
};
weightTypes.SetAction((parsed, _) => WeightTypesBenchmark.RunAsync(TransformerFolder(parsed.GetValue(checkpoint)),
    parsed.GetRequiredValue(device), parsed.GetRequiredValue(dtype), parsed.GetValue(side), parsed.GetValue(textTokens),
    parsed.GetValue(rounds)));

var load = new Command("load", "Weight loading against a plain read of the same file, and its peak memory.") { checkpoint, device, rounds };
load.SetAction((parsed, _) => LoadBenchmark.RunAsync(
    TransformerFolder(parsed.GetValue(checkpoint)), parsed.GetRequiredValue(device), parsed.GetValue(rounds)));

var small = new Option<int>("--side") { Description = "Width and height in pixels.", DefaultValueFactory = _ => 128 };
var smallTextTokens = new Option<int>("--text-tokens") { Description = "Text tokens.", DefaultValueFactory = _ => 24 };
var sessions = new Option<int>("--sessions") { Description = "Concurrent images.", DefaultValueFactory = _ => 8 };
var steps = new Option<int>("--steps") { Description = "Steps of an image.", DefaultValueFactory = _ => 28 };
var loneSteps = new Option<int>("--lone-steps") { Description = "Steps of the session that runs alone.", DefaultValueFactory = _ => 400 };
var mini = new Option<DirectoryInfo?>("--checkpoint") { Description = "Transformer to measure. By default the embedded mini model." };
var batching = new Command("batching",
    "Images/s of concurrent images with batching, without, and batch-invariant; latency of a lone one.")
{
    mini, device, dtype, small, smallTextTokens, sessions, steps, loneSteps, rounds,
};
batching.SetAction((parsed, _) => new BatchingBenchmark(new(parsed.GetValue(mini)?.FullName ?? EmbeddedCheckpoint.Folder,
    parsed.GetRequiredValue(device), parsed.GetRequiredValue(dtype), parsed.GetValue(small), parsed.GetValue(smallTextTokens),
    parsed.GetValue(sessions), parsed.GetValue(steps), parsed.GetValue(loneSteps), parsed.GetValue(rounds))).RunAsync());

var model = new Option<DirectoryInfo?>("--model") { Description = "Hugging Face folder; the embedded checkpoint by default." };
var previews = new Command("previews", "Images a second with a preview at every step, and without.") { model, small, steps, rounds };
previews.SetAction((parsed, _) => PreviewBenchmark.RunAsync(parsed.GetValue(model)?.FullName ?? EmbeddedCheckpoint.Folder,
    parsed.GetValue(small), parsed.GetValue(steps), parsed.GetValue(rounds)));

var cachedSteps = new Option<int>("--steps") { Description = "Steps of an image.", DefaultValueFactory = _ => 20 };
var fewerSteps = new Option<int>("--fewer-steps") { Description = "Steps to compare with.", DefaultValueFactory = _ => 16 };
var images = new Option<int>("--rounds") { Description = "Images of each kind.", DefaultValueFactory = _ => 24 };
var stepCache = new Command("step-cache", "The first-block cache: threshold, speed, difference; what fewer steps do.")
{
    model, small, cachedSteps, fewerSteps, images,
};
stepCache.SetAction((parsed, _) => StepCacheBenchmark.RunAsync(parsed.GetValue(model)?.FullName ?? EmbeddedCheckpoint.Folder,
    parsed.GetValue(small), parsed.GetValue(cachedSteps), parsed.GetValue(fewerSteps), parsed.GetValue(images)));

var int8Pictures = new Command("int8-pictures", "How far pictures with each linear layer in int8 are from float32's; what fewer steps do.")
{
    model, small, cachedSteps, fewerSteps, images,
};
int8Pictures.SetAction((parsed, _) => Int8Pictures.RunAsync(parsed.GetValue(model)?.FullName ?? EmbeddedCheckpoint.Folder,
    parsed.GetValue(small), parsed.GetValue(cachedSteps), parsed.GetValue(fewerSteps), parsed.GetValue(images)));

var batchInvariant = new Option<bool>("--batch-invariant")
{
    Description = "As by default: images have passes in common only where no byte changes.",
};
var pipeline = new Command("pipeline", "Images/s of one request for four images against four requests one after another.")
{
    model, small, steps, rounds, batchInvariant,
};
pipeline.SetAction((parsed, _) => PipelineBenchmark.RunAsync(parsed.GetValue(model)?.FullName ?? EmbeddedCheckpoint.Folder,
    parsed.GetValue(small), parsed.GetValue(steps), parsed.GetValue(rounds), parsed.GetValue(batchInvariant)));

var large = new Option<int>("--side") { Description = "Width and height in pixels.", DefaultValueFactory = _ => 512 };
var pictures = new Option<int>("--pictures") { Description = "Pictures.", DefaultValueFactory = _ => 6 };
var vaeTiles = new Command("vae-tiles", "How far pictures decoded in tiles are from those decoded at once.") { model, large, pictures };
vaeTiles.SetAction(parsed => VaeTilesBenchmark.Run(
    parsed.GetValue(model)?.FullName ?? EmbeddedCheckpoint.Folder, parsed.GetValue(large), parsed.GetValue(pictures)));

var folder = new Argument<DirectoryInfo>("folder") { Description = "Where to." };
var fullSize = new Option<bool>("--full-size") { Description = "Of FLUX.1 dev's own sizes, 34 GB, in place of 2.5 MB." };
var writeRandom = new Command("write-random", "Writes a checkpoint of random weights; its pictures mean nothing.") { folder, fullSize };
writeRandom.SetAction(parsed => RandomCheckpoint.Write(
    parsed.GetRequiredValue(folder).FullName, parsed.GetValue(fullSize) ? FullSize.Dev : RandomModel.Mini));

NativeLibraries.EnsureLoaded();
return await new RootCommand("Measures FluxGrpc on this machine. Ratios are taken side by side in one run.")
{
    step, kernels, weightTypes, int8Pictures, load, batching, previews, stepCache, pipeline, vaeTiles,
    ScalingBenchmark.CreateCommand(), SimulatedTierBenchmark.CreateCommand(), SoakBenchmark.CreateCommand(), writeRandom,
}.Parse(args).InvokeAsync();

static string TransformerFolder(DirectoryInfo? given)
{
    if (given is not null)
        return given.FullName;
    var folder = Repository.PathOf("artifacts", "benchmarks", "seed-size");
    if (!File.Exists(Path.Combine(folder, "diffusion_pytorch_model.safetensors")))
    {
        Console.WriteLine($"Writing random weights of the seed size to {folder}");
        RandomCheckpoint.WriteTransformer(folder, TransformerConfig.Seed);
    }

    return folder;
}
