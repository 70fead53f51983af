"""Passes over samples: the door between the method, which thinks in parameters, and the kernels, which see arrays."""

from typing import NamedTuple

import numpy as np

from . import threads
from .kernels import sweep as kernel
from .pruning import Pruner
from .statistics import Statistics

DENSITIES = {name: i for i, name in enumerate(kernel.DENSITIES)}
POSTERIORS = {name: i for i, name in enumerate(kernel.POSTERIORS)}
MOMENTS = {name: i for i, name in enumerate(kernel.MOMENTS)}

# log of the responsibility below which a sample cannot change a sum any more
CUT = {np.dtype(np.float64): -45.0, np.dtype(np.float32): -25.0}

SERIAL = 1_000_000  # operations (some 100 microseconds) below which waking a second thread may cost more than it brings


class Density(NamedTuple):
    """A mixture density in evaluation form, in the coordinates of a frame."""

    kind: str  # of distance
    means: np.ndarray  # (k, d)
    factors: np.ndarray  # (k or 1, rows, columns)
    constants: np.ndarray  # (k,): log-joint density at the mean


class Frame(NamedTuple):
    """Coordinates: (x - reference) / units. Units are powers of two, so that changing to them rounds nothing."""

    reference: np.ndarray  # (d,) float64
    units: np.ndarray  # (d,) float64

    def enter(self, means):
        return (means - self.reference) / self.units

    def leave(self, means):
        return means * self.units + self.reference

    @property
    def log_volume(self):
        """What log-densities in the frame exceed those outside by."""
        return float(np.log(self.units).sum())


def power_of_two(sizes, dtype):
    """The powers of two next to positive sizes (1 for zero), such that they and their inverses are normal numbers."""
    most = np.finfo(dtype).maxexp - 4
    with np.errstate(divide="ignore"):
        exponents = np.where(sizes > 0, np.rint(np.log2(sizes)), 0)
    return np.exp2(np.clip(exponents, -most, most))


class Samples:
    """Samples as seen in a frame, with their weights and the temporary memory for passes over them.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        C-contiguous float32 or float64.
    weights : ndarray of shape (n,) or None
    frame : Frame
    n_threads : int
    """

    def __init__(self, X, weights, frame, n_threads):
        self.X = X
        self.dtype = X.dtype
        # in units of a power of two, so that float32 holds them: statistics are to be read relative to their masses
        self.weights = (
            np.empty(0, X.dtype)
            if weights is None
            else (weights / power_of_two(weights.max(), np.float64)).astype(X.dtype)
        )
        self.total = len(X) if weights is None else float(weights.sum())
        self.frame = frame
        self.coordinates = np.array([frame.reference, 1 / frame.units]).astype(X.dtype)
        self.n_threads = n_threads
        self.workspace = np.empty(0, np.uint8)
        self.pruner = Pruner()

    def sweep(self, density, moments, posterior="soft"):
        """Statistics of one pass: responsibilities under `density`, moments about its means."""
        means = density.means.astype(self.dtype)
        k, d = means.shape
        moments = MOMENTS[moments]
        statistics = np.empty(kernel.statistics_size(k, d, moments))
        given = self.X, self.weights, self.coordinates, means, density.factors.astype(self.dtype), density.constants
        options = dict(density=DENSITIES[density.kind], moments=moments, cut=CUT[self.dtype],
                       n_threads=self._threads(k))
        workspace = self._workspace(k, moments)
        bounds = self.pruner.known(density) if posterior == "soft" else None
        if bounds is None:
            pairs = kernel.sweep(*given, statistics, workspace, posterior=POSTERIORS[posterior], **options)
        else:
            pairs = kernel.sweep_pruned(*given, bounds.order, bounds.nearest, bounds.follow(density), statistics,
                                        workspace, **options)
        if posterior == "soft":
            self.pruner.tell(self, density, *np.divide(pairs, len(self.X) * k))
        return Statistics(statistics, means.astype(np.float64))

    def accumulate(self, resp, about, moments):
        """Statistics of one pass with given responsibilities (n, k), moments about the given means."""
        about = about.astype(self.dtype)
        k, d = about.shape
        moments = MOMENTS[moments]
        statistics = np.empty(kernel.statistics_size(k, d, moments))
        kernel.accumulate(
            self.X, self.weights, self.coordinates, about, np.ascontiguousarray(resp, self.dtype), statistics,
            self._workspace(k, moments), moments=moments, n_threads=self._threads(k),
        )
        return Statistics(statistics, about.astype(np.float64))

    def score_samples(self, density):
        """Log-density of each sample in the frame (n,)."""
        return self._rows(kernel.score_samples, density, np.empty(len(self.X)))

    def responsibilities(self, density):
        """Probability of each component given each sample (n, k)."""
        return self._rows(kernel.responsibilities, density, np.empty((len(self.X), len(density.means)), self.dtype))

    def labels(self, density):
        """The most probable component of each sample (n,)."""
        return self._rows(kernel.labels, density, np.empty(len(self.X), np.intp))

    def part(self, rows):
        """Some of the samples, in the same frame."""
        return Samples(self.X[rows], self.weights[rows] if len(self.weights) else None, self.frame, self.n_threads)

    def _rows(self, door, density, out):
        k = len(density.means)
        door(self.X, self.coordinates, density.means.astype(self.dtype), density.factors.astype(self.dtype),
             density.constants, out, self._workspace(k, MOMENTS["none"]), density=DENSITIES[density.kind],
             n_threads=self._threads(k))
        return out

    def _threads(self, k):
        n, d = self.X.shape
        if self.n_threads == 1 or n * k * (d * d + 20) < SERIAL:
            return 1
        threads.entered_parallel()
        return self.n_threads

    def _workspace(self, k, moments):
        size = kernel.workspace_size(*self.X.shape, k, moments, self.dtype.itemsize, self.n_threads)
        if len(self.workspace) < size:
            self.workspace = np.empty(size, np.uint8)
        return self.workspace
