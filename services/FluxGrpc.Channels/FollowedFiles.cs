namespace FluxGrpc.Channels;

/// <summary>
/// What is written in small files that may change while a program runs: certificates, keys. They are looked at when the value is asked
/// for, at most once a second, and by their contents, which also sees links that were turned. No watch is held: the system allows
/// a user few. A text that is none leaves the value as it was.
/// </summary>
/// <typeparam name="T">What the files say.</typeparam>
public sealed class FollowedFiles<T>
    where T : class
{
    private const int MaxBytes = 16 << 20;

    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private readonly IReadOnlyList<string> _paths;
    private readonly Func<IReadOnlyList<string>, T> _parse;
    private readonly Action<string> _failed;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private IReadOnlyList<string> _texts;
    private long _lookedAt;
    private string? _problem;
    private volatile T _current;

    /// <summary>Reads the files for the first time.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="parse">Understands their texts, in the same order; throws <see cref="InvalidDataException"/>.</param>
    /// <param name="failed">Told once why changed files are not used.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="InvalidDataException">A file cannot be read or understood; the message names it.</exception>
    public FollowedFiles(
        IReadOnlyList<string> paths, Func<IReadOnlyList<string>, T> parse, Action<string> failed, TimeProvider time)
    {
        (_paths, _parse, _failed, _time) = (paths, parse, failed, time);
        _texts = Read();
        _current = parse(_texts);
        _lookedAt = time.GetTimestamp();
    }

    /// <summary>What the files say, at most a second old.</summary>
    public T Current
    {
        get
        {
            if (_time.GetElapsedTime(Volatile.Read(ref _lookedAt)) >= _interval && _lock.TryEnter()) // Nobody waits for another's look.
            {
                try
                {
                    Look();
                }
                finally
                {
                    _lock.Exit();
                }
            }

            return _current;
        }
    }

    private void Look()
    {
        try
        {
            var texts = Read();
            if (!texts.SequenceEqual(_texts))
                (_current, _texts) = (_parse(texts), texts);
            _problem = null;
        }
        catch (InvalidDataException exception)
        {
            if (exception.Message != _problem)
                _failed(exception.Message);
            _problem = exception.Message;
        }

        Volatile.Write(ref _lookedAt, _time.GetTimestamp());
    }

    private List<string> Read() => [.. _paths.Select(Read)];

    private static string Read(string path)
    {
        try
        {
            return new FileInfo(path) is { Exists: true, Length: > MaxBytes }
                ? throw new InvalidDataException($"'{path}' has more than {MaxBytes} bytes")
                : File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"'{path}' cannot be read: {exception.Message}", exception);
        }
    }
}
