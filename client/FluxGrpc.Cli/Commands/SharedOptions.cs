using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;
using FluxGrpc.Channels;
using FluxGrpc.Orchestrator.Sampling;

namespace FluxGrpc.Cli.Commands;

/// <summary>Options that several commands have.</summary>
internal static partial class SharedOptions
{
    private const int MaxSide = 16_384;
    private const int DefaultSide = 1024;

    /// <summary><c>--server</c>: the address of a service.</summary>
    public static Option<ServiceAddress?> Server(string description) => new("--server")
    {
        Description = $"{description} http://host:port, https://host:port or unix:/path/of.sock.",
        HelpName = "address",
        CustomParser = result =>
        {
            if (!ServiceAddress.TryParse(result.Tokens[0].Value, out var address))
                result.AddError(
                    $"--server '{result.Tokens[0].Value}' is not an address; allowed: http://host:port, https://host:port, unix:/path");
            return address;
        },
    };

    /// <summary><c>--model</c>: a checkpoint for services that this program starts.</summary>
    public static Option<DirectoryInfo> Model()
    {
        var option = new Option<DirectoryInfo>("--model")
        {
            Description = "Checkpoint for the services that are started here: a Hugging Face folder (model_index.json). "
                + "Default: the mini model that comes with the program.",
            HelpName = "folder",
        };
        option.AcceptExistingOnly();
        return option;
    }

    /// <summary><c>--device</c>: for services that this program starts.</summary>
    public static Option<string> Device() => DevicePattern(new Option<string>("--device")
    {
        Description = "Device of the services that are started here: cpu, cuda or cuda:N.",
        DefaultValueFactory = _ => "cpu",
    }, OneDevice(), "cpu, cuda, cuda:N");

    /// <summary><c>--device</c> for several services of a kind.</summary>
    public static Option<string> Devices() => DevicePattern(new Option<string>("--device")
    {
        Description = "Devices, separated by commas: cpu, cuda, cuda:N. Denoiser i runs on number i, starting over where there are "
            + "more denoisers; the text encoder and the VAE run on the last one.",
        DefaultValueFactory = _ => "cpu",
    }, ManyDevices(), "cpu, cuda, cuda:N, separated by commas");

    /// <summary><c>--dtype</c>: for services that this program starts.</summary>
    public static Option<string> Dtype(string fallback)
    {
        var option = new Option<string>("--dtype")
        {
            Description = "Type of the matrix products in the services that are started here.",
            DefaultValueFactory = _ => fallback,
        };
        option.AcceptOnlyFromAmong("auto", "float32", "bfloat16");
        return option;
    }

    /// <summary><c>--kernels</c>: for services that this program starts.</summary>
    public static Option<string> Kernels()
    {
        var option = new Option<string>("--kernels")
        {
            Description = "How the services that are started here compute; see the option of the same name in the services' --help.",
            DefaultValueFactory = _ => "auto",
        };
        option.AcceptOnlyFromAmong("auto", "plain", "fused", "onednn");
        return option;
    }

    /// <summary><c>--weight-dtype</c>: for services that this program starts.</summary>
    public static Option<string> WeightDtype()
    {
        var option = new Option<string>("--weight-dtype")
        {
            Description = "What the services that are started here hold their weights in: as stored, in the type that is computed in, or, "
                + "less exact, rounded to float8 (newer CUDA cards) or int8 (denoisers on CPUs); see the denoiser's --help.",
            DefaultValueFactory = _ => "stored",
        };
        option.AcceptOnlyFromAmong("stored", "compute", "float8", "int8");
        return option;
    }

    /// <summary><c>--cluster</c>: which of this user's running clusters.</summary>
    public static Option<string?> Cluster() => new("--cluster")
    {
        Description = "Name of the cluster; not needed where only one is running.",
        HelpName = "name",
    };

    /// <summary><c>--width</c>, <c>--height</c> of an image that is not made.</summary>
    public static Option<int> Side(string name)
    {
        var option = new Option<int>(name)
        {
            Description = "Pixels, a multiple of 16.",
            DefaultValueFactory = _ => DefaultSide,
        }.Within(PatchGrid.PixelsPerPatch, MaxSide);
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() % PatchGrid.PixelsPerPatch != 0)
                result.AddError($"{name} is {result.GetValueOrDefault<int>()}; allowed: multiples of {PatchGrid.PixelsPerPatch}");
        });
        return option;
    }

    /// <summary>A number from a range.</summary>
    public static Option<T> Within<T>(this Option<T> option, T least, T most)
        where T : INumber<T>
    {
        option.Validators.Add(result => CheckRange(result, option.Name, least, most));
        return option;
    }

    /// <inheritdoc cref="Within{T}(Option{T}, T, T)"/>
    public static Argument<T> Within<T>(this Argument<T> argument, T least, T most)
        where T : INumber<T>
    {
        argument.Validators.Add(result => CheckRange(result, argument.Name, least, most));
        return argument;
    }

    private static void CheckRange<T>(SymbolResult result, string name, T least, T most)
        where T : INumber<T>
    {
        // What is no number at all is told by the parser itself.
        if (result.Tokens is [var token] && T.TryParse(token.Value, CultureInfo.InvariantCulture, out var value)
            && !(value >= least && value <= most))
        {
            result.AddError(FormattableString.Invariant($"{name} is {value}; allowed: {least} to {most}"));
        }
    }

    private static Option<string> DevicePattern(Option<string> option, Regex pattern, string allowed)
    {
        option.Validators.Add(result =>
        {
            var value = result.GetValueOrDefault<string>() ?? "";
            if (!pattern.IsMatch(value))
                result.AddError($"{option.Name} is '{value}'; allowed: {allowed}");
        });
        return option;
    }

    [GeneratedRegex(@"^(cpu|cuda(:[0-9]{1,3})?)$")]
    private static partial Regex OneDevice();

    [GeneratedRegex(@"^(cpu|cuda(:[0-9]{1,3})?)(,(cpu|cuda(:[0-9]{1,3})?))*$")]
    private static partial Regex ManyDevices();
}
