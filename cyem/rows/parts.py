"""Rows in parts that others hold: what a function gives for each of them is asked for, and sums are added here."""

import operator
from functools import partial, reduce

import numpy as np

from . import data
from .scan import LEAST, PART, First, alike, checked, located
from .statistics import Statistics
from .streamed import Streamed
from .survey import Survey


class Parts(Streamed):
    """Rows that are held in parts, of which sums are added in their order.

    A subclass has `first`, `count`, how many parts there are, and `_results(function, own)`, what a function of each
    part and of something of its own gives, in their order, by `call`; besides what each subclass of `Streamed` has.
    """

    def __init__(self):
        self._lead = 0  # the first part with rows
        self._survey = self._part = None

    @property
    def survey(self):
        """What a look at all of the rows finds."""
        if self._survey is None:
            parts = self._results(partial(applied, Survey.of), [()] * self.count)
            self._sizes = [0 if part is None else part.n for part in parts]
            parts = [part for part in parts if part is not None]
            if not parts:
                raise ValueError("X has no row of positive weight: all of its parts are empty, or of weight zero.")
            self._lead = int(np.flatnonzero(self._sizes)[0])
            total = reduce(operator.add, parts)
            total.check(self.column_names)
            self._survey = total
        return self._survey

    def held(self):
        """None: the rows are not here."""

    @property
    def looked(self):
        """A random part of the rows, and its weights, in memory: each row with the same chance, in their order."""
        if self._part is None:
            share = max(LEAST, PART // (self.width * self.dtype.itemsize)) / len(self)
            seeds = np.random.SeedSequence(self.seed).spawn(self.count)
            parts = [part for part in self._results(partial(drawn, share), seeds) if part is not None]
            X, weights = zip(*parts, strict=True)
            self._part = np.concatenate(X), None if weights[0] is None else np.concatenate(weights)
        return self._part

    def map(self, function, of_rows=None):
        """What a function of rows and their weights, or None, gives for each part that has rows.

        of_rows: an array with something for each row, of which the function is given that of its own besides.
        """
        own = [()] * self.count
        if of_rows is not None:
            len(self)  # so that sizes are known
            ends = np.cumsum([0, *self._sizes])
            own = [(part,) for part in np.split(of_rows, ends[1:-1])]
        results = [found for found in self._results(partial(applied, function), own) if found is not None]
        return [results[0], *(dressed(found, results[0]) for found in results[1:])]

    def _weighted(self, sample_weight):
        return self._copy(sample_weight=sample_weight, _survey=None, _part=None)

    def double(self):
        """The same rows in double precision."""
        return self._copy(_dtype=np.dtype(np.float64), _part=None)


# --- what is done where the rows are: functions that both sides know by name ------------------------------------------


def ready(first, dtype, i, part, weights):
    """A part as kernels read it, of the same kind as all, and its positive weights or None; None for no rows."""
    if not len(part):
        return None
    place = f"partition {i}"
    X = checked(part, place, "X[{}]")
    alike(First(data.feature_names(part), X.shape[1], X.dtype, False), first, place)
    if weights is not None:
        weights = located(data.nonnegative, place, weights if np.ndim(weights) == 0 else np.asarray(weights), len(X))
        if not weights.all():
            X, weights = X[weights > 0], weights[weights > 0]
    return X if dtype is None else X.astype(dtype), weights


def call(function, part, own, leads):
    """A function of a part; of that which leads alone all of the result, for others have means and frame of it."""
    if part is None or not len(part[0]):
        return None
    found = function(*part, own)
    return found if leads else bare(found)


def applied(function, X, weights, own):
    return function(X, weights, *own)


def drawn(share, X, weights, seed):
    """Rows of a part, each with the same chance."""
    if share >= 1:
        return X, weights
    there = np.random.default_rng(seed).random(len(X)) < share
    return X[there], None if weights is None else weights[there]


def bare(found):
    """Statistics without the means that they are about, and their frame, which those of all parts share."""
    if isinstance(found, list):
        return [bare(each) for each in found]
    return (found.buffer, found.unit) if isinstance(found, Statistics) else found


def dressed(found, like):
    """The same with those of the first partition."""
    if isinstance(like, list):
        return [dressed(*pair) for pair in zip(found, like, strict=True)]
    if isinstance(like, Statistics) and not isinstance(found, Statistics):
        return type(like)(found[0], like.about, like.frame, found[1])
    return found
