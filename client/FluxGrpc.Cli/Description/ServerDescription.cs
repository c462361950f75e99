using System.Globalization;
using FluxGrpc.Client;
using FluxGrpc.Tensors;
using FluxGrpc.V1;
using Spectre.Console;

namespace FluxGrpc.Cli.Description;

/// <summary>What a running server is.</summary>
internal static class ServerDescription
{
    /// <summary>Prints its models, defaults, limits and load.</summary>
    public static async Task PrintAsync(FluxClient client, IAnsiConsole console, CancellationToken cancellation)
    {
        var status = await client.GetStatusAsync(cancellation);
        var missing = status.Components.GroupBy(component => component.Component)
            .Where(replicas => replicas.All(replica => !replica.Ready)).SelectMany(replicas => replicas).ToList();
        if (missing.Count > 0)
        {
            var problems = missing.Select(component => $"{component.Component}: {component.Problem}");
            throw new CliException($"{client.Address} is not ready: {string.Join("; ", problems)}");
        }

        var info = await client.GetModelInfoAsync(cancellation);
        var variant = info.Denoiser.Variant == FluxVariant.Schnell ? "schnell (no guidance)" : "dev (guidance)";
        console.WriteLine($"{client.Address}: {info.ModelName}, {variant}{(IsRandom(info) ? ", random weights" : "")}");
        console.Write(Models(info));
        console.WriteLine($"defaults: {Defaults(info.Defaults)}");
        console.WriteLine($"limits:   {Limits(info)}");
        console.WriteLine($"load:     {Load(status)}");
        foreach (var replica in status.Components.Where(component => !component.Ready))
            console.WriteLine($"missing:  {replica.Component} at {replica.Address}: {replica.Problem}");
        if (status.PromptCache is { } cache)
            console.WriteLine($"prompts:  {Prompts(cache)}");
    }

    private static bool IsRandom(ImageGenerationServiceGetModelInfoResponse info) =>
        info.Denoiser.Component.RandomWeights || info.TextEncoder.Component.RandomWeights || info.Vae.Component.RandomWeights;

    private static Table Models(ImageGenerationServiceGetModelInfoResponse info)
    {
        var (text, denoiser, vae) = (info.TextEncoder, info.Denoiser, info.Vae);
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumns("service", "parameters", "computes in", "device", "layout", "fingerprint", "sizes");
        table.Columns[1].RightAligned();
        AddRow(table, "text encoder", text.Component, string.Create(CultureInfo.InvariantCulture,
            $"T5 {text.HiddenSize} x {text.MaxTokens} tokens, CLIP {text.PooledSize} x {text.MaxClipTokens} tokens"));
        AddRow(table, "denoiser", denoiser.Component, string.Create(CultureInfo.InvariantCulture,
            $"hidden {denoiser.HiddenSize}, {denoiser.HeadCount} heads, {denoiser.DoubleBlockCount} + {denoiser.SingleBlockCount} blocks"));
        AddRow(table, "VAE", vae.Component, string.Create(CultureInfo.InvariantCulture,
            $"{vae.LatentChannels} channels, {vae.DownscaleFactor}x down, scale {vae.ScalingFactor}, shift {vae.ShiftFactor}"));
        return table;
    }

    private static void AddRow(Table table, string service, ComponentInfo component, string sizes) => table.AddRow(
        new Text(service), new Text(Numbers.Grouped(component.ParameterCount)),
        new Text($"{DataTypes.Name(component.ComputeDataType).ToLowerInvariant()}, {component.ComputeKernels}"), new Text(component.Device),
        new Text(component.CheckpointLayout), new Text(component.Fingerprint), new Text(sizes));

    private static string Defaults(GenerationSettings settings)
    {
        var guidance = settings.HasGuidance ? string.Create(CultureInfo.InvariantCulture, $", guidance {settings.Guidance}") : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"{settings.Width} x {settings.Height}, {settings.Steps} steps{guidance}, {settings.MaxTokens} text tokens");
    }

    private static string Limits(ImageGenerationServiceGetModelInfoResponse info)
    {
        var limits = info.Limits;
        return string.Create(CultureInfo.InvariantCulture,
            $"sides {limits.MinSide} to {limits.MaxSide}, {limits.MaxPixels} pixels, {limits.MaxSteps} steps, {limits.MaxCount} images, "
            + $"{limits.MaxPromptLength} characters, {limits.MaxGenerations} generations at once, "
            + $"{info.Denoiser.MaxSessions} sessions in a denoiser");
    }

    private static string Prompts(PromptCacheStatus cache) => string.Create(CultureInfo.InvariantCulture,
        $"{cache.Entries} remembered in {Numbers.Bytes(cache.Bytes)} of {Numbers.Bytes(cache.MaxBytes)}, {cache.Hits} found again, "
        + $"{cache.Misses} encoded");

    private static string Load(GetStatusResponse status)
    {
        var denoisers = status.Components.Where(component => component.Load is not null)
            .Select(component => string.Create(CultureInfo.InvariantCulture,
                $"{component.Load.ReplicaId}: {component.Load.Sessions} sessions, {component.Load.StepsDone} steps done, "
                + $"{Numbers.Bytes(component.Load.ResidentMemoryBytes)} resident"));
        return string.Create(CultureInfo.InvariantCulture,
            $"{status.Generations} generations, {status.Waiting} of them waiting; {string.Join("; ", denoisers)}");
    }
}
