using System.CommandLine;
using FluxGrpc.Cli.Verification;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux verify FOLDER</c>: compares this machine's results with the reference implementation's numbers.</summary>
internal static class VerifyCommand
{
    public static Command Create(Terminal terminal)
    {
        var folder = new Argument<string>("folder") { Description = "Reference numbers, laid out like tests/golden of the repository." };
        var device = SharedOptions.Device();
        var dtype = SharedOptions.Dtype("float32");
        dtype.AcceptOnlyFromAmong("float32", "bfloat16");
        var kernels = SharedOptions.Kernels();
        var command = new Command(
            "verify", "Start the services on a folder's weights, send its inputs over gRPC and compare: name max_abs tolerance ok|FAIL.")
        {
            folder, device, dtype, kernels,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var reference = new ReferenceFolder(parsed.GetRequiredValue(folder));
            using var services = new VerifiedServices(
                parsed.GetRequiredValue(device), parsed.GetRequiredValue(dtype), parsed.GetRequiredValue(kernels));
            var isGood = await new VerificationRun(reference, services, terminal.Output).RunAsync(cancellation);
            return isGood ? ExitCode.Success : ExitCode.Failure;
        });
        return command;
    }
}
