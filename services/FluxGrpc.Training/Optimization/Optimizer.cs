using FluxGrpc.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace FluxGrpc.Training.Optimization;

/// <summary>
/// Muon for matrices (momentum, then a Newton–Schulz iteration towards the nearest orthogonal matrix), Adam for the rest, and a
/// moving average of the weights. The worker threads share out the parameters.
/// </summary>
internal sealed class Optimizer : IDisposable
{
    private const double AdamMomentum = 0.9;

    // Scalars are kept in variables throughout the training: TorchSharp may free one that is only a temporary while libtorch reads it.
    private static readonly Scalar _adamEpsilon = 1e-8;
    private static readonly Scalar _muonEpsilon = 1e-7;
    private static readonly Scalar _muonA = 3.4445;
    private static readonly Scalar _muonB = -4.7750;
    private static readonly Scalar _muonC = 2.0315;

    private readonly OptimizerSettings _settings;
    private readonly WorkerThreads _workers;
    private readonly int[][] _shares;
    private readonly Tensor[] _working;

    /// <param name="parameters">All that learns.</param>
    /// <param name="settings">Rates.</param>
    /// <param name="workers">The threads to compute with.</param>
    public Optimizer(IReadOnlyList<LearnedParameter> parameters, OptimizerSettings settings, WorkerThreads workers)
    {
        (Parameters, _settings, _workers) = (parameters, settings, workers);
        _shares = Share(parameters, workers.Count);
        _working = [.. parameters.Select(parameter => parameter.Working)];
    }

    /// <summary>All that learns.</summary>
    public IReadOnlyList<LearnedParameter> Parameters { get; }

    /// <summary>Threads that compute.</summary>
    public int WorkerCount => _workers.Count;

    /// <summary>Steps made.</summary>
    public int StepCount { get; set; }

    /// <summary>Makes a step.</summary>
    /// <param name="lossOf">The loss of a worker's part of the batch; all parts count alike.</param>
    /// <param name="rateFactor">Multiplies the rates: the schedule.</param>
    /// <returns>The mean loss.</returns>
    public double Step(Func<int, Tensor> lossOf, double rateFactor)
    {
        using var scope = NewDisposeScope();
        var losses = new double[_workers.Count];
        var gradients = new Tensor[_workers.Count][];
        _workers.Run(worker =>
        {
            var loss = lossOf(worker);
            gradients[worker] = [.. autograd.grad([loss], _working).Select(gradient => gradient.DetachFromDisposeScope())];
            losses[worker] = loss.item<float>();
        });
        foreach (var gradient in gradients.SelectMany(ofWorker => ofWorker))
            scope.Attach(gradient);

        StepCount++;
        var factor = rateFactor * Math.Min(1, StepCount / (double)_settings.WarmUpSteps);
        _workers.Run(worker =>
        {
            using var noGradients = no_grad();
            foreach (var index in _shares[worker])
            {
                using var updateScope = NewDisposeScope();
                Update(Parameters[index], Mean(gradients, index), factor);
            }
        });
        return losses.Average();
    }

    /// <summary>Gives the modules the averaged weights.</summary>
    public void PublishAverages()
    {
        foreach (var parameter in Parameters)
            parameter.PublishAverage();
    }

    /// <summary>Does something with averaged weights in the modules.</summary>
    public void WithAverages(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        PublishAverages();
        action();
        foreach (var parameter in Parameters)
            parameter.Publish();
    }

    /// <summary>All that a resumed training needs.</summary>
    public IEnumerable<TensorContent> State() =>
        Parameters.SelectMany(parameter => parameter.State).Select(entry => TensorContent.Of(entry.Key, entry.Value));

    public void Dispose()
    {
        foreach (var parameter in Parameters)
            parameter.Dispose();
    }

    /// <summary>The matrix nearest in direction to a gradient, with singular values between 0.7 and 1.2.</summary>
    /// <param name="matrix">A gradient [R, C].</param>
    /// <param name="type">Type of the products.</param>
    /// <returns>[R, C], float32.</returns>
    /// <remarks>The quintic iteration of Jordan et al. (Muon, 2024); bfloat16 is enough there.</remarks>
    internal static Tensor Orthogonalize(Tensor matrix, ScalarType type)
    {
        const int Iterations = 5;
        using var scope = NewDisposeScope();
        var isTall = matrix.shape[0] > matrix.shape[1];
        var x = (isTall ? matrix.t() : matrix).to(type).contiguous();
        x = x / (x.norm() + _muonEpsilon);
        if (type == ScalarType.Float32 && x.shape[1] >= 2 * x.shape[0])
            x = Polynomial(x.matmul(x.t()), Iterations).matmul(x);
        else
            x = Iterate(x, Iterations);
        return (isTall ? x.t() : x).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    private static Tensor Iterate(Tensor x, int iterations)
    {
        for (var i = 0; i < iterations; i++)
        {
            var gram = x.matmul(x.t());
            var polynomial = gram * _muonB + gram.matmul(gram) * _muonC;
            x = x * _muonA + polynomial.matmul(x);
        }

        return x;
    }

    /// <summary>
    /// What the iteration multiplies a wide matrix by, from its Gram matrix alone [R, R]: all that occurs are polynomials of it. Half of
    /// the work for two squares and more, but the squared singular values want float32.
    /// </summary>
    private static Tensor Polynomial(Tensor gram, int iterations)
    {
        Tensor? product = null;
        for (var i = 0; i < iterations; i++)
        {
            var polynomial = gram * _muonB + gram.matmul(gram) * _muonC;
            polynomial.diagonal().add_(_muonA);
            product = product is null ? polynomial : polynomial.matmul(product);
            if (i + 1 < iterations)
                gram = polynomial.matmul(gram).matmul(polynomial);
        }

        return product!;
    }

    private void Update(LearnedParameter parameter, Tensor gradient, double factor)
    {
        if (parameter.Rule == UpdateRule.Muon)
            UpdateByMuon(parameter, gradient, factor);
        else
            UpdateByAdam(parameter, gradient, factor);

        // Early weights are bad: the average follows closely at first.
        var decay = Math.Min(_settings.AverageDecay, (1 + StepCount) / (10.0 + StepCount));
        parameter.Average.lerp_(parameter.Master, 1 - decay);
        parameter.Publish();
    }

    private void UpdateByMuon(LearnedParameter parameter, Tensor gradient, double factor)
    {
        using Scalar momentum = _settings.MuonMomentum;
        parameter.Momentum.mul_(momentum).add_(gradient);
        var ahead = gradient + parameter.Momentum * momentum;
        var flat = ahead.flatten(1);    // A convolution's kernel is a matrix of output channels by everything else.
        using Scalar rate = -_settings.MuonRate(flat.shape[0], flat.shape[1]) * factor;
        parameter.Master.add_(Orthogonalize(flat, _settings.MuonType).reshape(parameter.Master.shape), alpha: rate);
    }

    private void UpdateByAdam(LearnedParameter parameter, Tensor gradient, double factor)
    {
        using Scalar unbias = 1 / (1 - Math.Pow(AdamMomentum, StepCount));
        using Scalar unbiasSquare = 1 / (1 - Math.Pow(_settings.AdamSquareDecay, StepCount));
        using Scalar rate = _settings.AdamRate * factor;
        parameter.Momentum.lerp_(gradient, 1 - AdamMomentum);
        parameter.Square!.lerp_(gradient.square(), 1 - _settings.AdamSquareDecay);
        var momentum = parameter.Momentum * unbias;
        var square = parameter.Square * unbiasSquare;
        parameter.Master.sub_(momentum / (square.sqrt() + _adamEpsilon) * rate);
    }

    private static Tensor Mean(Tensor[][] gradients, int index)
    {
        using Scalar share = 1.0 / gradients.Length;
        return gradients.Select(ofWorker => ofWorker[index].to(ScalarType.Float32)).Aggregate((sum, gradient) => sum + gradient) * share;
    }

    /// <summary>Parameters for each worker, about the same work for all: the largest first, each to whom has least.</summary>
    private static int[][] Share(IReadOnlyList<LearnedParameter> parameters, int workers)
    {
        var shares = Enumerable.Range(0, workers).Select(_ => new List<int>()).ToArray();
        var work = new long[workers];
        foreach (var index in Enumerable.Range(0, parameters.Count).OrderByDescending(index => Work(parameters[index])))
        {
            var least = Array.IndexOf(work, work.Min());
            shares[least].Add(index);
            work[least] += Work(parameters[index]);
        }

        return [.. shares.Select(share => share.ToArray())];
    }

    private static long Work(LearnedParameter parameter) => parameter.Rule == UpdateRule.Adam
        ? parameter.Master.numel()
        : parameter.Master.numel() * Math.Min(parameter.Master.shape[0], parameter.Master.numel() / parameter.Master.shape[0]);
}
