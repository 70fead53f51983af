"""Passes over samples: the door between the method, which thinks in parameters, and the kernels, which see arrays."""

import math
from typing import NamedTuple

import numpy as np

from .. import threads
from ..kernels import arguments, linalg
from ..kernels import sweep as kernel
from ..kernels.arguments import ClosedForm, Density, Rows
from ..lazy import cached_property
from .pruning import Pruner, enough
from .statistics import Statistics, kind_of

DENSITIES = {name: i for i, name in enumerate(arguments.DENSITIES)}
POSTERIORS = {name: i for i, name in enumerate(kernel.POSTERIORS)}
MOMENTS = {name: i for i, name in enumerate(arguments.MOMENTS)}
NO_MOMENTS = MOMENTS["none"]
SIMPLEST = "spherical"  # of densities: where responsibilities are given, there is none, and no room for its factors
STATE = kernel.state_size()
CONVERGED, LOST = (kernel.OUTCOMES.index(outcome) for outcome in ("converged", "lost"))

# log of the responsibility below which a sample cannot change a sum any more
CUT = {np.dtype(np.float64): -37.0, np.dtype(np.float32): -20.0}

ENTROPIES = 1 << 14  # rows at a time whose responsibilities are kept
MANY = 3000  # samples from which on it pays to know the sums of all of them beforehand
SERIAL = 1_000_000  # operations (some 100 microseconds) below which waking a second thread may cost more than it brings
ASLEEP = 4  # times as many for short runs: before them threads sleep, which between passes wait awake


def one(d):
    """A round density around the origin: under it a pass gives the moments of all samples."""
    return Density("diagonal", np.zeros((1, d)), np.ones((1, 1, d)), np.zeros(1))


class Frame(NamedTuple):
    """Coordinates: (x - reference) / units. Units are powers of two, so that changing to them rounds nothing."""

    reference: np.ndarray  # (d,) float64
    units: np.ndarray  # (d,) float64

    def enter(self, means):
        return (means / 2 - self.reference / 2) / self.units * 2  # by halves: the difference may be beyond the range

    def leave(self, means):
        return means * self.units + self.reference

    def coordinates(self, dtype):
        """As the kernels read it: the reference, and the inverse units."""
        both = np.empty((2, len(self.units)), dtype)
        both[0], both[1] = self.reference, 1 / self.units
        return both

    @property
    def log_volume(self):
        """What log-densities in the frame exceed those outside by."""
        return sum(map(math.log, self.units.tolist()))


def locate(X, weights, one_unit):
    """A frame for X, the weighted variance of each feature in it (1 for a constant one), and whether both are ordinary.

    They are not where something comes near the end of the range of the type of X: see `least_variances`.
    """
    reference, units, variances = np.empty((3, X.shape[1]))
    ordinary = linalg.locate(X, np.empty(0) if weights is None else weights, reference, units, variances,
                  np.empty((4, X.shape[1])), one_unit=one_unit)
    return Frame(reference, units), variances, ordinary


def power_of_two(sizes, dtype):
    """The powers of two next to positive sizes (1 for zero), such that they and their inverses are normal numbers."""
    most = np.finfo(dtype).maxexp - 4
    mantissas, exponents = np.frexp(sizes)  # sizes = mantissas 2^exponents, mantissas in [1/2, 1) or zero
    exponents = exponents - ((mantissas < math.sqrt(0.5)) & (mantissas > 0))
    return np.ldexp(1.0, np.minimum(np.maximum(exponents, -most), most))


def scaled_weights(weights, dtype, unit):
    """Weights in units of a power of two, so that float32 holds them, and the unit of what is summed with them."""
    if weights is None:
        return np.empty(0, dtype), unit
    power = float(power_of_two(weights.max(), np.float64))
    return (weights / power).astype(dtype), power * unit


def worth(operations, n_threads):
    """How many of n_threads are worth waking."""
    return 1 if operations < SERIAL else threads.resolve(n_threads)


def operations(n, k, d):
    """What one pass takes, roughly."""
    return n * k * (d * d + 20)


def useful(n, k, d, n_threads):
    """How many of n_threads a pass has work for."""
    return min(worth(operations(n, k, d), n_threads), kernel.tiles(n))


def effective(rows):
    """How many rows of equal weight tell as much as some in memory."""
    w = rows.weights
    return rows.mass**2 / float((w * w).sum(dtype=np.float64)) if len(w) else len(rows.X)


def entropy(resp, weights):
    """Weighted sum over rows of -sum_k r_k log r_k, of responsibilities (n, k) and weights (n,) or None."""
    resp = resp.astype(np.float64, copy=False)
    terms = resp * np.log(np.maximum(resp, np.finfo(np.float64).tiny))
    # sums, not products of vectors: BLAS would wake threads of its own, which then spin through the next passes
    return -(terms if weights is None else terms * weights[:, None]).sum()


def flat(covariances):
    """Covariances of k components as the kernels read them: (k, numbers of one)."""
    return np.ascontiguousarray(covariances).reshape(len(covariances), -1)


def nothing():
    """What is called where there is nothing to check."""


class Evaluator:
    """A density made ready for samples of one dtype: what it says of each of them.

    Parameters
    ----------
    frame : Frame
        That of the density, and of log-densities.
    density : Density
    coordinates : ndarray
        Those of the frame, in the dtype of the samples.
    halves : bool
        Whether samples may be so far from the reference that only half of the difference is a number.
    """

    __slots__ = ("coordinates", "density", "dtype", "frame", "halves", "kind", "one")

    def __init__(self, frame, density, coordinates, halves=False):
        self.dtype = dtype = coordinates.dtype
        self.halves = halves
        self.frame, self.coordinates = frame, coordinates * dtype.type([[0.5], [2]]) if halves else coordinates
        self.kind, self.density = DENSITIES[density.kind], density
        self.one = False if halves or dtype != np.float64 else None  # what is quicker for a single row, once it is made

    def seen(self, X):
        """The samples that the coordinates are for."""
        return X * self.dtype.type(0.5) if self.halves else X

    def rows(self, X, weights, n_threads):
        """Samples as this sees them."""
        return Samples(self.seen(X), weights, self.frame, n_threads, coordinates=self.coordinates)

    def log_densities(self, X, n_threads):
        """Log-density of each sample (n,)."""
        return self.score_samples(X, n_threads) - self.frame.log_volume

    def score_samples(self, X, n_threads):
        """The same in the frame."""
        return self._rows(kernel.score_samples, X, np.empty(len(X)), n_threads)

    def responsibilities(self, X, n_threads):
        """Probability of each component given each sample (n, k)."""
        out = np.empty((len(X), len(self.density.means)), self.dtype)
        return self._rows(kernel.responsibilities, X, out, n_threads)

    def labels(self, X, n_threads):
        """The most probable component of each sample (n,)."""
        return self._rows(kernel.labels, X, np.empty(len(X), np.intp), n_threads)

    def _rows(self, door, X, out, n_threads):
        (n, d), k = X.shape, len(self.density.means)
        n_threads = useful(n, k, d, n_threads)
        size = kernel.workspace_size(n, d, k, self.kind, NO_MOMENTS, self.dtype.itemsize, n_threads)
        door(Rows(self.seen(X), self.coordinates), self.density, out, np.empty(size, np.uint8),
             n_threads=threads.enter(n_threads))
        return out


class Need(NamedTuple):
    """What a pass over samples needs."""

    statistics: int  # their length
    workspace: int  # bytes
    n_threads: int
    prunes: bool  # whether there are enough components and tiles for some to be left out


class Samples:
    """Samples as seen in a frame, with their weights and the temporary memory for passes over them.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        C-contiguous float32 or float64.
    weights : ndarray of shape (n,) or None
    frame : Frame
    n_threads : int
    check : function without arguments, optional
        Called before each pass; what it raises ends the work.
    unit : float
        What the weights are in units of, a power of two.
    coordinates : ndarray, optional
        Those of the frame as kernels read them, where they are not what the frame says itself: see `Evaluator`.
    """

    complete = True  # whether all of each row is known
    at_once = True  # whether loops make many passes over them in one call
    told = False  # whether anything is known of the components that rows are from

    def __init__(self, X, weights, frame, n_threads, check=nothing, unit=1.0, coordinates=None):
        self.X = X
        self.dtype = X.dtype
        self.weights, self.unit = scaled_weights(weights, X.dtype, unit)
        self.mass = float(self.weights.sum(dtype=np.float64)) if len(self.weights) else float(len(X))
        self.total = len(X) if weights is None else float(weights.sum()) * unit
        self.frame = frame
        self.coordinates = frame.coordinates(X.dtype) if coordinates is None else coordinates
        self.rows = self._rows()
        self.n_threads = n_threads
        self.check = check
        self.single = X.dtype == np.float32
        self.cut = CUT[X.dtype]
        self.needs = {}
        self.workspace = np.empty(0, np.uint8)
        self.pruner = Pruner()

    @property
    def log_volume(self):
        """What log-densities in the frame exceed those outside by."""
        return self.frame.log_volume

    @property
    def at_hand(self):
        """Rows in memory that stand for these: themselves."""
        return self

    @property
    def n_effective(self):
        """How many samples of equal weight tell as much."""
        return effective(self)

    @cached_property
    def scatter(self):
        """Statistics of all samples as one component: scatter about the origin."""
        return self.sweep(one(self.X.shape[1]), "scatter")

    @cached_property
    def summed(self):
        """The rows, with what is known of all of them."""
        return self._rows(self.scatter.buffer)

    def _rows(self, whole=None):
        """The rows as kernels take them."""
        return Rows(self.X, self.coordinates, self.weights if len(self.weights) else None, whole)

    def _known(self, moments, k):
        """The rows, with what is known of all of them where the moments of k components can come from that."""
        pays = moments == "pooled" or (moments == "scatter" and len(self.X) >= MANY)
        return self.summed if k > 1 and pays else self.rows

    def _rounded(self, means):
        """Means as the kernels round them, in double precision."""
        return means.astype(np.float32).astype(np.float64) if self.single else means

    def sweep(self, density, moments, posterior="soft"):
        """Statistics of one pass: responsibilities under `density`, moments about its means."""
        means = density.means
        made, more = kind_of(len(means), density.heavy, density.background is not None)
        need = self._need(len(means), moments, density.kind)
        sums = np.empty(need.statistics + more)
        workspace = self._memory(need.workspace)
        whole = made is Statistics or (density.heavy and moments == "pooled")  # and what is known of it, is of use
        rows = self._known(moments, len(means)) if whole else self.rows
        how = dict(moments=MOMENTS[moments], cut=self.cut, n_threads=self._enter(need.n_threads))
        prunes = need.prunes and posterior == "soft" and not density.heavy
        bounds = self.pruner.known(density) if prunes else None
        if bounds is None:
            pairs = kernel.sweep(rows, density, sums, workspace, posterior=POSTERIORS[posterior], **how)
        else:
            pairs = kernel.sweep_pruned(rows, density, bounds.order, bounds.nearest, bounds.follow(density), sums,
                                        workspace, **how)
        if prunes:
            self.pruner.tell(self, density, pairs)
        return made(sums, self._rounded(means), self.frame, self.unit)

    def accumulate(self, resp, about, moments):
        """Statistics of one pass with given responsibilities (n, k), moments about the given means."""
        need = self._need(len(about), moments, SIMPLEST)
        sums = np.empty(need.statistics)
        kernel.accumulate(
            self.rows, about, np.ascontiguousarray(resp, self.dtype), sums, self._memory(need.workspace),
            moments=MOMENTS[moments], n_threads=self._enter(need.n_threads),
        )
        return Statistics(sums, self._rounded(about), self.frame, self.unit)

    def begin(self, uniform, looked, deviations, floor, part, moments, whitens):
        """Statistics of partitions by the nearest of samples far from each other; arguments as the kernel has them."""
        n, d = self.X.shape
        runs, k, _ = uniform.shape
        need = self._need(k, moments, "diagonal")
        sums, about = np.empty((runs, need.statistics)), np.empty((runs, k, d))
        size = kernel.begin_size(n, len(looked) or n, d, k, MOMENTS[moments], self.dtype.itemsize, need.n_threads,
                                 whitens)
        kernel.begin(
            self.rows, ClosedForm("scatter", "free", floor, part) if whitens else None, looked, deviations, uniform,
            np.empty((runs, k), np.intp), sums, about, self._memory(size), moments=MOMENTS[moments],
            n_threads=self._enter(need.n_threads),
        )
        return [Statistics(*each, self.frame, self.unit) for each in zip(sums, about, strict=True)]

    def partitions(self, centres, scales, moments, iterations=0, tol=0.0):
        """Statistics of partitions by the nearest of given centres (runs, k, d), of features times scales (d,).

        Before, so many iterations of k-means move the centres, or less where they gain no more than a share of tol.
        """
        runs, k, _ = centres.shape
        need = self._need(k, moments, "diagonal")
        sums, centres = np.empty((runs, need.statistics)), centres.copy()
        kernel.partitions(self.rows, centres, scales, sums, self._memory(need.workspace), moments=MOMENTS[moments],
                          n_threads=self._enter(need.n_threads), iterations=iterations, tol=tol)
        return [Statistics(*each, self.frame, self.unit) for each in zip(sums, self._rounded(centres), strict=True)]

    def climb(self, starts, iterations, closed, structure, tol):
        """Plain EM from several statistics about means of their own; the M-step is `closed`.

        Returns the mean log-likelihood and the statistics of the last pass of each run, and its last values; None for
        one that met anything out of the ordinary.
        """
        n, d = self.X.shape
        runs, k = len(starts), len(starts[0].about)
        moments = MOMENTS[structure.moments]
        n_threads = self._enter(worth(operations(n, k, d) * iterations * runs / ASLEEP, self.n_threads))
        at_once, each = (n_threads, 1) if runs >= n_threads else (1, n_threads)
        sums = np.array([start.buffer for start in starts])
        about = np.array([start.about for start in starts])
        values, done = np.empty((runs, iterations)), np.empty(runs, np.intc)
        density = DENSITIES[structure.density]
        size = kernel.climb_size(n, d, k, density, moments, self.dtype.itemsize, each, at_once)
        kernel.climb(
            self._known(structure.moments, k), closed, sums, about, values, done, self._memory(size), cut=self.cut,
            tol=tol, n_threads=each, at_once=at_once,
        )
        ends = enumerate(zip(values.tolist(), done.tolist(), strict=True))
        return [(trace[end - 1], Statistics(sums[r], about[r], self.frame, self.unit), trace[max(0, end - 3) : end])
                if end > 0 else None for r, (trace, end) in ends]

    def ascend(self, ascent, values, closed, structure):
        """Iterations of EM with leaps; the arguments and what is returned are as the kernel has them."""
        n, d = self.X.shape
        k, moments = len(ascent.about), MOMENTS[structure.moments]
        need = self._need(k, structure.moments, structure.density)
        size = kernel.ascent_size(n, d, k, DENSITIES[structure.density], moments, self.dtype.itemsize, need.n_threads)
        rows = self._known(structure.moments, k) if closed.background == -math.inf else self.rows
        return kernel.ascend(rows, closed, ascent, values, self._memory(size), cut=self.cut,
                             n_threads=self._enter(need.n_threads))

    def mergers(self, these, resp, moments, near):
        """What it costs to do with one component less, as the kernel has it: (k, k)."""
        self.check()
        k, d = these.means.shape
        losses, moments = np.empty((k, k)), MOMENTS[moments]
        kernel.mergers(self.rows, these.weights, these.means, flat(these.covariances), resp, losses,
                       np.empty(kernel.mergers_size(d, k, moments)), moments=moments, near=near)
        return losses

    def splits(self, these, resp, which, closed, structure, **how):
        """Gains (m,), shares (m, 2), means (m, 2, d), covariances (m, 2, ...) of two components in the place of one."""
        n, d = self.X.shape
        k, moments, density = len(these.means), MOMENTS[structure.moments], DENSITIES[structure.density]
        covariances = flat(these.covariances)
        found = np.empty((len(which), 3 + 2 * d + 2 * covariances.shape[1]))
        longest = max(how["trial"], how["iterations"])
        at_once = self._enter(max(1, min(worth(operations(n, k, d) * longest, self.n_threads), len(which))))
        size = kernel.splits_size(n, d, density, moments, self.dtype.itemsize, longest, at_once)
        kernel.splits(self.rows, closed, how, these.means, covariances, resp, np.array(which, np.intp), found,
                      self._memory(size), cut=self.cut, at_once=at_once)
        gains, shares, means, matrices = np.split(found, [1, 3, 3 + 2 * d], axis=1)
        return (gains[:, 0], shares, means.reshape(-1, 2, d),
                matrices.reshape(-1, 2, *these.covariances.shape[1:]))

    def score_samples(self, density):
        """Log-density of each sample in the frame (n,)."""
        return Evaluator(self.frame, density, self.coordinates).score_samples(self.X, self.n_threads)

    def responsibilities(self, density):
        """Probability of each component given each sample (n, k)."""
        self.check()
        return Evaluator(self.frame, density, self.coordinates).responsibilities(self.X, self.n_threads)

    def entropies(self, density):
        """Weighted sum over samples of -sum_k r_k log r_k, with r the responsibilities."""
        evaluator, total = Evaluator(self.frame, density, self.coordinates), 0.0
        for begin in range(0, len(self.X), ENTROPIES):
            self.check()
            rows = slice(begin, begin + ENTROPIES)
            total += entropy(evaluator.responsibilities(self.X[rows], self.n_threads),
                             self.weights[rows] if len(self.weights) else None)
        return total * self.unit

    def labels(self, density):
        """The most probable component of each sample (n,)."""
        return Evaluator(self.frame, density, self.coordinates).labels(self.X, self.n_threads)

    def part(self, rows, weights=None):
        """Some of the samples, with their own or other weights, in the same frame."""
        if weights is None and len(self.weights):
            return Samples(self.X[rows], self.weights[rows], self.frame, self.n_threads, self.check, self.unit)
        return Samples(self.X[rows], weights, self.frame, self.n_threads, self.check)

    def double(self):
        """The same samples in double precision."""
        weights = self.weights.astype(np.float64) if len(self.weights) else None
        double = Samples(self.X.astype(np.float64), weights, self.frame, self.n_threads, self.check, self.unit)
        double.total = self.total
        return double

    def threads(self, k, structure):
        """How many threads the next kernel may use that has to do with k components."""
        return self._enter(self._need(k, structure.moments, structure.density).n_threads)

    def _enter(self, n_threads):
        """What comes before each kernel: how many of n threads it may use, unless it is time to stop."""
        self.check()
        return threads.enter(n_threads)

    def _need(self, k, moments, density):
        """What a pass with k components needs, found out once."""
        need = self.needs.get((k, moments, density))
        if need is None:
            n, d = self.X.shape
            n_threads = useful(n, k, d, self.n_threads)
            size = kernel.workspace_size(n, d, k, DENSITIES[density], MOMENTS[moments], self.dtype.itemsize, n_threads)
            need = Need(kernel.statistics_size(k, d, MOMENTS[moments]), size, n_threads, enough(n, k))
            self.needs[k, moments, density] = need
        return need

    def _memory(self, size):
        """Temporary memory of at least so many bytes: the same for all passes, of which no two run at a time."""
        if len(self.workspace) < size:
            self.workspace = np.empty(size, np.uint8)
        return self.workspace
