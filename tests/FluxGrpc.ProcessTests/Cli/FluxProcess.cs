using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace FluxGrpc.ProcessTests.Cli;

/// <summary>The real <c>flux</c> program as a child process; its output goes into failures.</summary>
internal sealed partial class FluxProcess : IAsyncDisposable
{
    private const int SigInt = 2;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _error = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _awaited = new();

    private FluxProcess(Process process) => _process = process;

    /// <summary>What it wrote to standard output.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>What it wrote to standard error.</summary>
    public string Error => string.Join('\n', _error);

    /// <summary>Its exit code, when it has ended.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Runs the program to its end.</summary>
    public static Task<FluxProcess> RunAsync(params string[] arguments) => RunInAsync(runtimeFolder: null, arguments);

    /// <summary>Runs the program to its end, as a user who has this folder for sockets.</summary>
    public static async Task<FluxProcess> RunInAsync(string? runtimeFolder, params string[] arguments)
    {
        await using var process = StartIn(runtimeFolder, arguments);
        await process.WaitForExitAsync();
        return process;
    }

    /// <summary>Starts the program.</summary>
    public static FluxProcess Start(params string[] arguments) => StartIn(runtimeFolder: null, arguments);

    /// <summary>Starts the program, as a user who has this folder for sockets.</summary>
    public static FluxProcess StartIn(string? runtimeFolder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "flux.dll"), .. arguments]);
        if (runtimeFolder is not null)
            start.Environment["XDG_RUNTIME_DIR"] = runtimeFolder;
        return Start(start);
    }

    /// <summary>Starts another client than the program.</summary>
    public static FluxProcess Start(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        var flux = new FluxProcess(new Process { StartInfo = start });
        flux._process.OutputDataReceived += (_, line) => flux.OnLine(flux._output, line.Data);
        flux._process.ErrorDataReceived += (_, line) => flux.OnLine(flux._error, line.Data);
        flux._process.Start();
        flux._process.BeginOutputReadLine();
        flux._process.BeginErrorReadLine();
        return flux;
    }

    /// <summary>Waits for a line that holds a text.</summary>
    public async Task<string> WaitForLineAsync(string text)
    {
        var line = _awaited.GetOrAdd(text, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        foreach (var written in _output.Concat(_error).Where(written => written.Contains(text, StringComparison.Ordinal)))
            return written;
        var exited = _process.WaitForExitAsync();
        try
        {
            if (await Task.WhenAny(line, exited).WaitAsync(_patience) == line)
                return await line;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"No line with '{text}':\n{Output}\n{Error}");
        }

        throw new InvalidOperationException($"flux ended before it wrote '{text}':\n{Output}\n{Error}");
    }

    /// <summary>Ctrl-C.</summary>
    public void Interrupt() => _ = kill(_process.Id, SigInt);

    /// <summary>SIGKILL.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Waits for the end.</summary>
    public async Task WaitForExitAsync()
    {
        using var timeout = new CancellationTokenSource(_patience);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"Still running after {_patience}:\n{Output}\n{Error}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
    }

    private void OnLine(ConcurrentQueue<string> lines, string? line)
    {
        if (line is null)
            return;
        lines.Enqueue(line);
        foreach (var (text, awaited) in _awaited)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                awaited.TrySetResult(line);
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int processId, int signal);
}
