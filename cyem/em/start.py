"""Where EM begins: the first parameters of a mixture, from seeds, partitions, responsibilities, or short runs of EM."""

import math
import numbers

import numpy as np
import numpy.random  # which NumPy imports at first use: a child forked meanwhile would wait for ever

from ..rows import data
from ..rows.statistics import TINY
from . import driver, moves
from .support import Support

FEW = 2000  # samples that are never too many for a start
SEEDED = 200  # samples for each component among which seeds are looked for, and clusters
FITTED = 50  # samples for each component and feature with which mixtures are compared
SHORT_RUNS = 4  # from different seeds
SHORT_ITERATIONS = 12  # of EM in each, before the first move
OTHERS = 8  # starts from random rows, for families that forgive outliers
CORES = 0.5, 0.8  # shares of all samples, where they are densest, among which some may be of no component
NEIGHBOUR = 10  # the distance to this one says how dense samples are
SHORT_TOL = 1e-4  # projected gain at which they are enough
AGREEING = 3  # of them at one maximum show that it is easy to find: there are no moves from there
SAME = 1e-3  # nats per sample between runs that have found the same maximum, at most
MOVES = 20  # at most
POOR = 2.0  # samples for each parameter of covariances, below which seeds lead anywhere
AMPLE = 10.0  # the same, from which on seeds need no company
LONGER = 16  # iterations of short runs with fewer, if no more than FEW: slow ones are cheap, and seen where they lead
FAILURES = 3  # in a row, after which there are no more
PROMISE = 0.5  # share of the cost of a merger that a split has to promise to be tried
LLOYD_ITERATIONS = 100
LLOYD_TOL = 1e-4  # relative gain at which k-means ends
KMEANS_RUNS = 4
ALL = np.empty(0, np.intp)  # rows
MANY_DEVIATIONS = 1e6  # squared: as far as any row counts


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
        # one by one: for several NumPy lets other threads run while it holds its lock, which a forked child then misses
        return np.random.default_rng([random_state.randint(2**31) for _ in range(4)])
    raise ValueError(
        f"random_state must be None, an integer >= 0, a numpy.random.Generator or RandomState, got {random_state!r}."
    )


def seeded(mixture, k, rng, runs=1, whitens=True):
    """Statistics of partitions by the nearest of k samples far from each other, by greedy k-means++, of several runs.

    Distances are those in standardised features, which find what dominates the whole, and, if `whitens`, by turns those
    in whitened ones, which find stretched clusters (Arthur & Vassilvitskii 2007).
    """
    mixture = mixture.at_hand
    looked = some(len(mixture.samples.X), SEEDED * k, rng)
    return mixture.begin(rng.random((runs, k, 2 + int(math.log(k)))), looked, whitens)


def some(n, size, rng):
    """A random part of n rows, where these are many more than a start needs; else none, which means all of them."""
    size = max(FEW, size)
    return ALL if n <= size else np.sort(rng.choice(n, size, replace=False))


def subset(mixture, size, rng):
    """The problem for a random part of the samples, where these are many more than a start needs."""
    mixture = mixture.at_hand
    rows = some(len(mixture.samples.X), size, rng)
    return mixture.subset(rows) if len(rows) else mixture


def trial(mixture, k, rng):
    """The problem for a part of the samples that is large enough to compare mixtures on."""
    return subset(mixture, FITTED * k * (mixture.n_features + 1), rng)


def from_kmeans(mixture, k, rng):
    """The partition by k-means, the best of a few runs from k-means++ seeds, on a part of many samples."""
    part = subset(mixture, SEEDED * k, rng)
    found = clusters(part, seeded(part, k, rng, KMEANS_RUNS, whitens=False))
    return mixture.assign_to(max(found, key=lambda each: each.log_likelihood).about).parameters


def from_kmeans_plus_plus(mixture, k, rng):
    """The partition by the nearest of k seeds."""
    return mixture.update(seeded(mixture, k, rng, whitens=False)[0], start=True).parameters


def from_random(mixture, k, rng):
    """Random responsibilities."""
    resp = rng.random((len(mixture.samples.X), k))
    return mixture.assign(resp / resp.sum(axis=1, keepdims=True)).parameters


def from_random_rows(mixture, k, rng):
    """Means at k different random samples, covariances alike."""
    rows = rng.choice(len(mixture.samples.X), k, replace=False)
    return mixture.assign_to(mixture.points(rows)).parameters


def from_short_runs(mixture, k, rng):
    """The best of a few short runs of EM, then moves to better maxima unless most of them agree.

    Runs begin at k-means++ seeds, or, where there are few samples to tell of so many parameters, at partitions by
    k-means. In between such a partition joins runs that do not agree: it finds a tight group far away, beside which
    seeds end in components that take some more samples in. This looks at a part of many samples.
    """
    if k == 1:
        return mixture.whole
    part = trial(mixture, k, rng)
    rows = mixture.rows_for_each(k)
    begin = seeded(part, k, rng, SHORT_RUNS, whitens=rows >= POOR)
    if rows < POOR:
        begin = clusters(part, begin)
    iterations = LONGER if rows < AMPLE and len(part.samples.X) <= FEW else SHORT_ITERATIONS
    runs = driver.short_runs(part, begin, tol=SHORT_TOL, iterations=iterations)
    support = Support(part, k)
    best, end = support.best(runs)
    if sum(abs(best.value - run.value) <= SAME for run in runs) < AGREEING:
        if POOR <= rows < AMPLE:
            runs += driver.short_runs(part, clusters(part, begin[:1]), tol=SHORT_TOL, iterations=iterations)
            best, end = support.best(runs)
        end = moves.improve(part, best, support, moves=MOVES, failures=FAILURES, promise=PROMISE).end
    return end


def cores(problem, k):
    """Parts of a problem, of the samples that are densest, as their distance to near others tells: share and part."""
    X = problem.points() / problem.family.deviations
    n, squares = len(X), (X * X).sum(axis=1)
    near = min(NEIGHBOUR, n - 1)
    far = np.concatenate([np.partition(squares[rows, None] - 2 * X[rows] @ X.T + squares, near, axis=1)[:, near]
                          for rows in np.array_split(np.arange(n), -(-n // SEEDED))])
    order = np.argsort(far, kind="stable")
    return [(share, problem.subset(np.sort(order[: max(k, int(share * n))]))) for share in CORES]


def clusters(mixture, begin):
    """Statistics of partitions by k-means from where others begin: an empty cluster keeps its centre."""
    return mixture.clusters(np.array([each.about for each in begin]), LLOYD_ITERATIONS, LLOYD_TOL)


def from_labels(problem, k, rng):
    """From rows whose components are known; components of which none are begin at rows far from the others."""
    possible = problem.samples.known.components
    sure = np.where(possible > possible.sum(axis=1, keepdims=True) / 2, possible, 0.0)
    X = problem.points() / problem.family.deviations
    centres = sure.T @ X / np.maximum(sure.sum(axis=0), TINY)[:, None]
    distances = np.full((len(X), k), np.inf)
    for j in sorted(range(k), key=lambda j: not sure[:, j].any()):  # those of which rows are known come first
        if not sure[:, j].any():
            open_rows = (possible[:, j] > 0) & ~sure.any(axis=1)
            chances = np.where(open_rows if open_rows.any() else possible[:, j] > 0,
                               np.minimum(distances.min(axis=1), MANY_DEVIATIONS), 0.0)
            chances = chances if chances.any() else (possible[:, j] > 0).astype(float)
            centres[j] = X[rng.choice(len(X), p=chances / chances.sum())]
        distances[:, j] = ((X - centres[j]) ** 2).sum(axis=1)
    nearest = np.where(possible > 0, distances, np.inf).argmin(axis=1)
    resp = np.where(sure.any(axis=1)[:, None], sure, np.arange(k) == nearest[:, None])
    return problem.assign(resp / resp.sum(axis=1, keepdims=True)).parameters


def begin(problem, how, k, rng):
    """The first parameters, by one of STARTS.

    Starts are looked for in the family of normal distributions. Of a family that forgives outliers these have their
    components where outliers are; so what is random there is set beside random rows, and where samples may be of no
    component beside what is found where they are dense, in short runs of the family's own.
    """
    family, first = problem.family, STARTS[how](problem.simple, k, rng)
    starts = family.ways(first)
    if how != "short_em" or len(starts) == 1:
        return starts[0]
    part = trial(problem, k, rng)
    others = [from_random_rows(part.simple, k, rng) for _ in range(OTHERS)]
    starts += [family.ways(each)[(i + 1) % len(starts)] for i, each in enumerate(others)]
    if family.noisy:
        starts += [family.adopt(from_short_runs(core, k, rng), [1 - share]) for share, core in cores(part.simple, k)]
    runs = [driver.fit(part, each, tol=SHORT_TOL, max_iter=SHORT_ITERATIONS) for each in starts]
    best = max(runs, key=lambda run: run.value)
    sound = [run for run in runs if not run.troubled]
    if best.troubled and sound:  # what seems degenerate so far may come to the same end
        rivals = best, max(sound, key=lambda run: run.value)
        best = max((driver.fit(part, run.parameters, tol=SHORT_TOL, max_iter=SHORT_ITERATIONS**2) for run in rivals),
                   key=lambda run: run.value)
    return best.parameters


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
        if array.dtype.kind not in "iubf":
            raise TypeError(f"Labels in init_params must be integers from 0 to n_components - 1 = {k - 1}, not "
                            f"{data.words(array)}")
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
