"""Where EM begins: the first parameters of a mixture, from seeds, partitions, responsibilities, or short runs of EM."""

import numbers

import numpy as np

from . import em
from .kernels import seeding

SHORT_RUNS = 8  # starts that the default compares
SHORT_ITERATIONS = 3  # of EM, before the first half of them is dropped
SHORT_TOL = 1e-4  # projected gain at which a short run is long enough
LLOYD_ITERATIONS = 100
KMEANS_RUNS = 4


def generator(random_state):
    """The random numbers that scikit-learn's conventions for random_state ask for, as a NumPy Generator.

    Raises
    ------
    ValueError
        For anything but None, an integer >= 0, a RandomState or a Generator.
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool) and random_state >= 0:
        return np.random.default_rng(int(random_state))
    if random_state is None:
        random_state = np.random.mtrand._rand  # as np.random.seed sets it
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31, size=4))
    raise ValueError(
        f"random_state must be None, an integer >= 0, a numpy.random.Generator or RandomState, got {random_state!r}."
    )


def seeds(mixture, k, rng, metric=None):
    """k samples far from each other, by greedy k-means++ (Arthur & Vassilvitskii 2007), in the frame (k, d)."""
    samples = mixture.samples
    factors = (mixture.standardised if metric is None else metric).astype(samples.dtype)
    x = (samples.X - samples.coordinates[0]) * samples.coordinates[1]
    y = x @ factors if len(factors) > 1 else x * factors
    weights = samples.weights.astype(np.float64) if len(samples.weights) else np.ones(len(y))
    chosen = np.empty(k, np.intp)
    uniform = rng.random((k, 2 + int(np.log(k))))
    seeding.kmeans_plus_plus(np.ascontiguousarray(y.T), weights, uniform, chosen, np.empty((3, len(y))))
    return x[chosen].astype(np.float64)


def lloyd(mixture, centres, metric=None, iterations=LLOYD_ITERATIONS):
    """k-means from given centres, and the sum of squared distances; an empty cluster keeps its centre."""
    inertia = np.inf
    for _ in range(iterations):
        s = mixture.samples.sweep(mixture.around(centres, metric), "none", "hard")
        centres = s.means
        before, inertia = inertia, -s.log_likelihood
        if inertia >= before * (1 - 1e-4):
            break
    return centres, inertia


def sample_size(n, k, d):
    """How many samples are enough to compare starts on."""
    return min(n, max(2000, 50 * k * (d + 1)))


def subset(mixture, k, rng):
    """The problem for a random part of the samples, large enough to compare starts on."""
    n, d = mixture.samples.X.shape
    size = sample_size(n, k, d)
    return mixture if size == n else mixture.subset(np.sort(rng.choice(n, size, replace=False)))


def from_kmeans(mixture, k, rng):
    """k-means: the best of a few runs from k-means++ seeds, on a part of the samples if these are many, then on all."""
    part = subset(mixture, k, rng)
    centres, _ = min((lloyd(part, seeds(part, k, rng)) for _ in range(KMEANS_RUNS)), key=lambda found: found[1])
    if part is not mixture:
        centres, _ = lloyd(mixture, centres)
    return mixture.assign_to(centres).parameters


def from_kmeans_plus_plus(mixture, k, rng):
    """The partition by the nearest of k seeds."""
    return mixture.assign_to(seeds(subset(mixture, k, rng), k, rng)).parameters


def from_random(mixture, k, rng):
    """Random responsibilities."""
    resp = rng.random((len(mixture.samples.X), k))
    return mixture.assign(resp / resp.sum(axis=1, keepdims=True)).parameters


def from_random_rows(mixture, k, rng):
    """Means at k different random samples, covariances alike."""
    rows = rng.choice(len(mixture.samples.X), k, replace=False)
    return mixture.assign_to(mixture.frame.enter(mixture.samples.X[rows].astype(np.float64))).parameters


def short_runs(part, starts, iterations):
    """A few iterations of EM from the statistics of each of several passes: the value and the statistics at the end."""
    runs = part.climb(starts, iterations + 1, SHORT_TOL)
    return [run or plain_run(part, start, iterations) for run, start in zip(runs, starts, strict=True)]


def plain_run(part, start, iterations):
    run = em.fit(part, part.update(start).parameters, tol=SHORT_TOL, max_iter=iterations)
    return run.value, run.statistics


def from_short_runs(mixture, k, rng):
    """The best of several short runs of EM (Biernacki, Celeux & Govaert 2003), on a part of many samples.

    Runs differ in what they are good at: half measure distances on whitened data, which finds stretched clusters, half
    on standardised data, which finds what dominates the whole; half polish their seeds by a few steps of k-means. The
    worse half is dropped each time the number of iterations doubles.
    """
    if k == 1:
        return mixture.whole
    part = subset(mixture, k, rng)
    starts = []
    for i in range(SHORT_RUNS):
        metric = part.whitened if i % 2 and not part.structure.round else part.standardised
        centres = seeds(part, k, rng, metric)
        if i // 2 % 2:
            centres, _ = lloyd(part, centres, metric, 10)
        starts.append(part.partition(centres, metric))
    iterations = SHORT_ITERATIONS
    while len(starts) > 1:
        runs = sorted(short_runs(part, starts, iterations), key=lambda run: -run[0])
        starts = [statistics for _, statistics in runs[: len(runs) // 2]]
        iterations *= 2
    return part.update(starts[0]).parameters


def responsibilities(init, n, k):
    """A user's labels (n,) or responsibilities (n, k) as responsibilities (n, k).

    Raises
    ------
    TypeError, ValueError
        For another shape, labels that are not 0 .. k - 1, and rows that are not probabilities.
    """
    array = np.asarray(init)
    if array.ndim == 0:
        raise ValueError("The 'init_params' parameter must be a name, or labels or responsibilities as an array (or a "
                         f"callable that returns one of these). Got {init!r} instead.")
    if array.shape == (n,):
        if array.dtype.kind not in "iub" or array.min() < 0 or array.max() >= k:
            raise ValueError(f"Labels in init_params must be integers from 0 to n_components - 1 = {k - 1}, "
                             f"got {array.dtype} from {array.min()} to {array.max()}.")
        resp = np.zeros((n, k))
        resp[np.arange(n), array.astype(np.intp)] = 1
        return resp
    if array.shape != (n, k):
        raise ValueError(f"init_params must have shape {(n,)} (labels) or {(n, k)} (responsibilities) for {n} samples "
                         f"and n_components={k}, got {array.shape}.")
    if array.dtype.kind not in "iubf":
        raise TypeError(f"Responsibilities in init_params must be numbers, got dtype {array.dtype}.")
    resp = array.astype(np.float64)
    if not (resp >= 0).all():
        raise ValueError(f"Responsibilities in init_params must be >= 0, got {resp.min()}.")
    sums = resp.sum(axis=1)
    if not (abs(sums - 1) < 1e-5).all():
        row = int(abs(sums - 1).argmax())
        raise ValueError(f"Responsibilities in init_params must sum to 1 in each row, but row {row} sums to "
                         f"{sums[row]}: divide each row by its sum.")
    return resp


STARTS = {
    "short_em": from_short_runs,
    "kmeans": from_kmeans,
    "k-means++": from_kmeans_plus_plus,
    "random": from_random,
    "random_from_data": from_random_rows,
}
