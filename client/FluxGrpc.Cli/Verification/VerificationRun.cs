using FluxGrpc.Client;
using Grpc.Core;

namespace FluxGrpc.Cli.Verification;

/// <summary>Compares everything that a reference folder has.</summary>
internal sealed class VerificationRun(ReferenceFolder folder, VerifiedServices services, TextWriter output)
{
    /// <summary>Compares and prints a line for each array and a verdict.</summary>
    /// <returns>True where everything there is was within tolerance, and there was something.</returns>
    public async Task<bool> RunAsync(CancellationToken cancellation)
    {
        var report = new VerificationReport(output);
        foreach (var part in Parts())
        {
            if (part.Obstacle is { } obstacle)
                report.Skip(part.Name, obstacle);
            else
                await RunAsync(part, report, cancellation);
        }

        var isGood = report.Failures == 0 && report.Compared > 0;
        await output.WriteLineAsync(report.Compared + report.Failures == 0
            ? "FAIL: the folder has nothing to compare"
            : $"{(isGood ? "ok" : "FAIL")}: {report.Compared} compared, {report.Failures} failed");
        return isGood;
    }

    private IEnumerable<IVerification> Parts()
    {
        var (t5, clip) = (First(ModelKind.T5, "t5"), First(ModelKind.Clip, "clip"));
        foreach (var transformer in Models(ModelKind.Transformer, "transformer_dev", "transformer_schnell"))
            yield return new TransformerVerification(transformer, folder, services);
        foreach (var vae in Models(ModelKind.Vae, "vae"))
            yield return new VaeVerification(vae, folder, services);
        yield return new TextEncoderVerification(t5, clip, folder, services);
        yield return new TokenizerVerification(t5, clip, folder, services);
        yield return new ScheduleVerification(folder, services.Tolerances);
        yield return new NoiseVerification(folder, services.Tolerances);
        yield return new TrajectoryVerification(
            First(ModelKind.Transformer, "transformer_dev"), First(ModelKind.Vae, "vae"), folder, services);
    }

    /// <summary>The models that <c>configs.json</c> has; the usual ones where it has none, so that they are seen to be missing.</summary>
    private string[] Models(ModelKind kind, params string[] usual)
    {
        string[] models = [.. folder.ModelsOf(kind)];
        return models.Length > 0 ? models : usual;
    }

    private string First(ModelKind kind, string usual)
    {
        string[] models = [.. folder.ModelsOf(kind)];
        return models.Length == 0 || models.Contains(usual) ? usual : models[0];
    }

    private static async Task RunAsync(IVerification part, VerificationReport report, CancellationToken cancellation)
    {
        try
        {
            await part.RunAsync(report, cancellation);
        }
        catch (RpcException exception) when (!cancellation.IsCancellationRequested)
        {
            report.Fail(part.Name, FluxException.From(exception, "the service").Message);
        }
        catch (Exception exception) when (exception is InvalidDataException or ArgumentException or IOException)
        {
            report.Fail(part.Name, exception.Message);
        }
    }
}
