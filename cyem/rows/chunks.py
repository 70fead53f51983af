"""Passes over rows that are not in one place in memory: sums over pieces of them, which are added in their order."""

import operator
from functools import reduce
from typing import NamedTuple

import numpy as np

from .. import threads
from ..lazy import cached_property
from .samples import Frame, Samples, nothing, one, power_of_two, worth
from .views import Views


class Piece(NamedTuple):
    """A pass over some rows in memory, as a function of these and their weights."""

    frame: Frame
    complete: bool  # whether no row has a gap
    n_threads: int
    verb: str  # the method of `Samples` or `Views` that makes the pass
    arguments: tuple

    def __call__(self, X, weights, *of_rows):
        return getattr(self.rows(X, weights), self.verb)(*of_rows, *self.arguments)

    def rows(self, X, weights):
        kind = Samples if self.complete else Views
        return kind(X, weights, self.frame, self.n_threads)


class Kept(NamedTuple):
    """The same, where what all rows of a piece sum to is kept from one pass to the next."""

    piece: Piece
    scatters: dict  # of each piece, by its place

    def __call__(self, X, weights, places):
        rows = self.piece.rows(X, weights)
        if places.start in self.scatters:
            rows.scatter = self.scatters[places.start]
        found = getattr(rows, self.piece.verb)(*self.piece.arguments)
        if "scatter" in vars(rows):
            self.scatters[places.start] = rows.scatter
        return found


class Chunks:
    """Rows in pieces, with the passes of `Samples` that need no more than sums.

    Parameters
    ----------
    source : Streamed
    frame : Frame
    n_threads : int
    scatters : dict, optional
        Where what all rows of each piece sum to may be kept: pieces are then here, one after the other.
    """

    told = False
    at_once = False  # whether loops make many passes over them in one call

    def __init__(self, source, frame, n_threads, scatters=None):
        self.source, self.frame, self.n_threads, self.scatters = source, frame, n_threads, scatters
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
        kind = Samples if self.complete else Views
        return kind(*self.source.looked, self.frame, self.n_threads, self.check)

    @cached_property
    def scatter(self):
        """Statistics of all samples as one component: scatter about the origin."""
        return self.sweep(one(len(self.frame.units)), "scatter")

    def sweep(self, density, moments):
        """Statistics of one pass: responsibilities under `density`, moments about its means."""
        return added(self._each("sweep", density, moments))

    def accumulate(self, resp, about, moments):
        """Statistics of one pass with given responsibilities (n, k), moments about the given means."""
        return added(self._each("accumulate", about, moments, of_rows=resp))

    def partitions(self, centres, scales, moments):
        """Statistics of partitions by the nearest of given centres (runs, k, d), of features times scales (d,)."""
        return [added(parts) for parts in zip(*self._each("partitions", centres, scales, moments), strict=True)]

    def entropies(self, density):
        """Weighted sum over samples of -sum_k r_k log r_k, with r the responsibilities."""
        return sum(self._each("entropies", density))

    def double(self):
        """The same rows in double precision."""
        return self.source.double().rows(self.frame, self.n_threads)

    def threads(self, k, structure):
        """How many threads the next kernel may use that has to do with k components."""
        self.check()
        return threads.enter(worth(k * len(self.frame.units) ** 3, self.n_threads))

    def _each(self, verb, *arguments, of_rows=None):
        """What a pass gives for each piece."""
        self.check()
        work = Piece(self.frame, self.complete, self.n_threads, verb, arguments)
        if verb == "sweep" and self.complete and self.scatters is not None:
            work, of_rows = Kept(work, self.scatters), range(self.source.survey.n)
        for found in self.source.map(work, of_rows):
            yield found
            self.check()


def added(parts):
    """The sum of some statistics, in their order."""
    return reduce(operator.add, parts)
