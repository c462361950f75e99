using System.CommandLine;
using System.Globalization;
using FluxGrpc.Orchestrator.Access;
using FluxGrpc.V1;

namespace FluxGrpc.Cli.Commands;

/// <summary><c>flux keys</c>: makes, lists and revokes the API keys of an orchestrator, which follows their file while it runs.</summary>
internal static class KeysCommand
{
    private const int Most = 1_000_000;
    private const int MostDays = 36_500;

    public static Command Create(Terminal terminal) =>
        new("keys", "Make, list and revoke API keys: a file with their hashes, for the orchestrator's --api-keys.")
        {
            CreateNew(terminal), CreateRevoke(terminal), CreateList(terminal),
        };

    private static Command CreateNew(Terminal terminal)
    {
        var defaults = new ApiKey { Id = "", Name = "", Sha256 = "" };
        var file = FileOption();
        var name = new Option<string>("--name") { Description = "Whose key it is: for people.", Required = true };
        var rate = new Option<int>("--requests-per-minute")
        {
            Description = "Requests for pictures in a minute, on average; 0 for any number.",
            DefaultValueFactory = _ => defaults.RequestsPerMinute,
        }.Within(0, Most);
        var concurrent = new Option<int>("--max-concurrent")
        {
            Description = "Requests for pictures in hand at once, waiting, running or detached; 0 for any number.",
            DefaultValueFactory = _ => defaults.MaxConcurrent,
        }.Within(0, Most);
        var priority = new Option<string>("--priority")
        {
            Description = "Highest priority that the key may ask for.",
            DefaultValueFactory = _ => "interactive",
        };
        priority.AcceptOnlyFromAmong("interactive", "batch");
        var days = new Option<int?>("--days") { Description = "Days for which the key counts. Default: until it is revoked." };
        days.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is < 1 or > MostDays)
                result.AddError($"--days is out of range; allowed: 1 to {MostDays}");
        });

        var command = new Command("new", "Make a key and print it, once: the file keeps its hash alone.")
        {
            file, name, rate, concurrent, priority, days,
        };
        command.SetAction(async (parsed, _) =>
        {
            var now = TimeProvider.System.GetUtcNow();
            var text = ApiKeyText.Draw();
            ApiKeyText.TryGetId(text, out var id);
            var key = new ApiKey
            {
                Id = id!,
                Name = parsed.GetRequiredValue(name),
                Sha256 = Convert.ToHexStringLower(ApiKeyText.Hash(text)),
                Created = now,
                Expires = parsed.GetValue(days) is { } term ? now.AddDays(term) : null,
                RequestsPerMinute = parsed.GetValue(rate),
                MaxConcurrent = parsed.GetValue(concurrent),
                Priority = parsed.GetRequiredValue(priority) == "batch" ? Priority.Batch : Priority.Interactive,
            };
            var path = parsed.GetRequiredValue(file);
            Write(path, [.. File.Exists(path) ? Read(path) : [], key]);
            await terminal.Output.WriteLineAsync(text);
            await terminal.Error.WriteLineAsync($"key {id} of {key.Name}: note it down, it is not shown again");
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateRevoke(Terminal terminal)
    {
        var id = new Argument<string>("id") { Description = "The key's id, as flux keys list shows it, or the key." };
        var file = FileOption();
        var command = new Command("revoke", "Have a key count no more; running orchestrators notice within a second.") { id, file };
        command.SetAction(async (parsed, _) =>
        {
            var (path, wanted) = (parsed.GetRequiredValue(file), parsed.GetRequiredValue(id));
            if (ApiKeyText.TryGetId(wanted, out var within))
                wanted = within;
            var keys = Read(path);
            if (!keys.Any(key => key.Id == wanted))
                throw new CliException($"{path} has no key '{wanted}'");
            var now = TimeProvider.System.GetUtcNow();
            Write(path, [.. keys.Select(key => key.Id == wanted ? key with { Revoked = key.Revoked ?? now } : key)]);
            await terminal.Output.WriteLineAsync($"revoked {wanted}");
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateList(Terminal terminal)
    {
        var file = FileOption();
        var command = new Command("list", "List the keys: id, name, limits, state.") { file };
        command.SetAction(async (parsed, _) =>
        {
            foreach (var key in Read(parsed.GetRequiredValue(file)))
                await terminal.Output.WriteLineAsync(Describe(key, TimeProvider.System.GetUtcNow()));
            return ExitCode.Success;
        });
        return command;
    }

    private static string Describe(ApiKey key, DateTimeOffset now)
    {
        var state = key switch
        {
            { Revoked: { } revoked } => $"revoked {revoked:u}",
            { Expires: { } expires } when expires <= now => $"expired {expires:u}",
            { Expires: { } expires } => $"until {expires:u}",
            _ => "counts",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{key.Id}  {key.Name}  {key.RequestsPerMinute}/min  "
            + $"{key.MaxConcurrent} at once  {key.Priority.ToString().ToLowerInvariant()}  {state}");
    }

    private static Option<string> FileOption() => new("--file")
    {
        Description = "The file of keys.",
        HelpName = "file",
        Required = true,
    };

    private static IReadOnlyList<ApiKey> Read(string path)
    {
        try
        {
            return ApiKeyFile.Parse(File.ReadAllText(path));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CliException($"{path}: {exception.Message}");
        }
    }

    private static void Write(string path, IReadOnlyList<ApiKey> keys)
    {
        try
        {
            PrivateFile.Replace(path, ApiKeyFile.Serialize(keys));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{path}: {exception.Message}");
        }
    }
}
