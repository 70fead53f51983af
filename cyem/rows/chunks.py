"""Passes over rows that are not in one place in memory: sums over pieces of them, which are added in their order."""

import numpy as np

from .. import threads
from ..lazy import cached_property
from .samples import Samples, nothing, one, power_of_two, useful
from .views import Views


class Pieces:
    """Rows in pieces, with the passes of `Samples` that need no more than sums.

    A subclass has `_each`, which makes a pass over every piece.

    Parameters
    ----------
    source : Scan
        Or other rows that know their `survey`, and a random part of themselves in memory, `looked`.
    frame : Frame
    n_threads : int
    """

    told = False
    at_once = False  # whether loops make many passes over them in one call

    def __init__(self, source, frame, n_threads):
        self.source, self.frame, self.n_threads = source, frame, n_threads
        self.check = nothing
        survey = source.survey
        self.complete, self.dtype, self.total = survey.complete, source.dtype, survey.total
        self.single = self.complete and self.dtype == np.float32
        self.unit = 1.0 if survey.alike else float(power_of_two(survey.most, np.float64))  # as sums have it
        self.mass = survey.total / self.unit
        self.n_effective = survey.total**2 / survey.squares
        self.log_volume = survey.log_volume(frame)

    @cached_property
    def at_hand(self):
        """A random part of the rows, in memory: what starts and moves look at."""
        return self.piece(*self.source.looked)

    @cached_property
    def scatter(self):
        """Statistics of all samples as one component: scatter about the origin."""
        return self.sweep(one(len(self.frame.units)), "scatter")

    def piece(self, X, weights):
        """Some rows in memory, in the same frame."""
        kind = Samples if self.complete else Views
        return kind(X, weights, self.frame, self.n_threads, self.check)

    def sweep(self, density, moments):
        """Statistics of one pass: responsibilities under `density`, moments about its means."""
        return added(self._each("sweep", density, moments))

    def accumulate(self, resp, about, moments):
        """Statistics of one pass with given responsibilities (n, k), moments about the given means."""
        return added(self._each("accumulate", about, moments, of_rows=resp))

    def partitions(self, centres, scales, moments):
        """Statistics of partitions by the nearest of given centres (runs, k, d), of features times scales (d,)."""
        runs = zip(*self._each("partitions", centres, scales, moments), strict=True)
        return [added(parts) for parts in runs]

    def entropies(self, density):
        """Weighted sum over samples of -sum_k r_k log r_k, in units of the mass."""
        return sum(self._each("entropies", density))

    def double(self):
        """The same rows in double precision."""
        return type(self)(self.source.double(), self.frame, self.n_threads)

    def threads(self, k, structure):
        """How many threads the next kernel may use that has to do with k components."""
        self.check()
        return threads.enter(useful(self.source.size, k, len(self.frame.units), self.n_threads))


class Chunks(Pieces):
    """Rows that are read again for each pass, in blocks of equal size: see `cyem.rows.scan`.

    The sums of a block do not depend on how the source cuts the rows, nor, added in order, do those of all.
    """

    def _each(self, verb, *arguments, of_rows=None):
        for X, weights, begin in self.source.blocks():
            rows = self.piece(X, weights)
            own = () if of_rows is None else (of_rows[begin : begin + len(X)],)
            yield getattr(rows, verb)(*own, *arguments)


def added(parts):
    """The sum of some statistics, in their order."""
    total = None
    for part in parts:
        total = part if total is None else total + part
    return total
