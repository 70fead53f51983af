"""Rows that other processes hold, by whatever means functions get there: Ray, Spark, MPI, a pool of processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import data
from .blockwise import Blockwise, evaluated
from .parts import Parts, call, ready
from .scan import First, alike, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def elsewhere(run: Callable[[Callable[..., Any]], Iterable[Any]]) -> Elsewhere:
    """Rows that other processes hold in parts: parameters go there, and sums, which are added here, come back.

    For each pass of a fit `run` is given a function that can be pickled, has it called where each part is, and returns
    what came of it: this is all that a cluster has to be able to do. The result is that of one machine to 1e-12, and
    the same bits whenever the parts are the same, whichever is ready first.

    Parameters
    ----------
    run : function
        ``run(function)`` returns ``[function(0, rows_0), function(1, rows_1), ...]``, with the rows of each part, an
        array or a frame, or ``function(i, rows, weights)`` with weights beside them. Parts may be empty. The rows are
        the same in each call. With MPI it is ``lambda function: comm.allgather(function(comm.rank, rows))`` in every
        process, each of which makes the same fit, with an integer as `random_state`.

    Returns
    -------
    Elsewhere
        What `fit`, `score`, `predict`, `select` and others take as X. What is said of each row comes back here, in the
        order of the parts.

    Raises
    ------
    TypeError
        If `run` is no function.

    See Also
    --------
    GaussianMixture.fit : Takes what this gives.
    scan : Rows in files, or from a function that gives chunks of them.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import GaussianMixture, elsewhere
    >>> rng = np.random.default_rng(0)
    >>> parts = [rng.normal(centre, 1.0, (200, 1)) for centre in [-4.0, 4.0] * 5]
    >>> run = lambda function: [function(i, rows) for i, rows in enumerate(parts)]  # or where the parts are
    >>> model = GaussianMixture(2, random_state=0).fit(elsewhere(run))
    >>> np.sort(model.means_.round(1).ravel())
    array([-4.,  4.])
    """
    if not callable(run):
        raise TypeError("run must be a function that has another one called where each part of the rows is, got "
                        f"{run!r}.")
    return Elsewhere(run)


class Elsewhere(Parts):
    """Rows that other processes hold: what `elsewhere` returns."""

    where, instead = "in other processes", ""

    def __init__(self, run):
        super().__init__()
        self.run, self._first = run, None

    def __repr__(self):
        """What is known so far: nothing is asked for it."""
        rows = "rows not yet counted" if self._survey is None else f"{len(self):,} rows in {self.count} parts"
        return f"<cyem.elsewhere: {rows}>"

    @property
    def first(self):
        if self._first is None:
            parts = list(self.run(look))
            if [i for i, _ in parts] != list(range(len(parts))):
                raise ValueError(f"run gave the parts {[i for i, _ in parts]}, expected those numbered 0, 1, ... in "
                                 "this order: [function(0, rows_0), function(1, rows_1), ...].")
            seen = [(i, first) for i, first in parts if first is not None]
            if not seen:
                raise ValueError(f"X has no row in any of its {len(parts)} parts.")
            _, self._first = seen[0]
            for i, first in seen:
                alike(first, self._first, f"part {i}")
            self._count = len(parts)
        return self._first

    @property
    def count(self):
        return self.first and self._count  # which is known once the first rows are

    def batches(self):
        """Raises TypeError: rows of a stream come one after the other."""
        raise TypeError("X has rows in other processes, and partial_fit learns from rows in their order, here: call it "
                        "with each part, or fit(X), which has the sums taken where the rows are.")

    def _results(self, function, own):
        found = list(self.run(Task(self.first, self._dtype, self.sample_weight, function, own, self._lead)))
        if len(found) != self.count:
            raise ValueError(f"run gave results for {len(found)} parts, and for {self.count} before: the parts must "
                             "stay the same.")
        return found

    def weighted(self, sample_weight):
        if np.ndim(sample_weight):
            raise ValueError("sample_weight is an array, and X has rows in other processes: give the weights where the "
                             "rows are, as in function(i, rows, weights).")
        return super().weighted(sample_weight)

    def blockwise(self, seen_by):
        """What evaluates the rows, from a function that gives what evaluates some of them in memory."""
        return Everywhere(seen_by)


class Everywhere(Blockwise):
    """Evaluates rows where they are, also those of weight zero: what is said of each row comes here."""

    def _each(self, rows, verb, n_threads):
        found = rows.run(Saying(self.seen_by, verb, n_threads, rows.dtype))
        return np.concatenate([each for each in found if each is not None])


# --- what is done where the rows are ----------------------------------------------------------------------------------


def look(i, rows, sample_weight=None):
    """The number of a part, and what its rows are, or None where there are none."""
    if not len(rows):
        return i, None
    X = data.observed(rows)[0]
    return i, First(data.feature_names(rows), X.shape[1], X.dtype, sample_weight is not None)


class Saying(NamedTuple):
    """What is said of each row of a part; None where there are none."""

    seen_by: Any
    verb: str
    n_threads: int | None
    dtype: np.dtype

    def __call__(self, i, rows, sample_weight=None):
        if not len(rows):
            return None
        X = checked(rows, f"part {i}", "X[{}]").astype(self.dtype, copy=False)
        return evaluated(self.seen_by, self.verb, self.n_threads, X)


class Task(NamedTuple):
    """A function of rows and their weights, and of something that each part has of its own."""

    first: First
    dtype: np.dtype | None  # other than the rows have
    factor: float | None  # that multiplies weights
    function: Any
    own: list
    lead: int  # the part of which all of the result comes back

    def __call__(self, i, rows, sample_weight=None):
        weights = self.factor
        if sample_weight is not None:
            weights = np.asarray(sample_weight) * (1.0 if self.factor is None else self.factor)
        part = ready(self.first._replace(weighted=False), self.dtype, i, rows, weights)
        return call(self.function, part, self.own[i], i == self.lead)
