"""What a mixture says of rows that are not in one place in memory."""

from functools import partial
from typing import NamedTuple

import numpy as np


class Scores(NamedTuple):
    """What `Blockwise.scores` finds."""

    total: float  # weight
    log_volume: float  # what the mean log-density in the frame exceeds that outside by
    log_likelihood: float  # in the frame
    log_classification: float
    shares: np.ndarray  # (k,)


class Blockwise:
    """Evaluates rows block by block, as `Evaluator` does those in memory: results are in memory, rows are not.

    Parameters
    ----------
    seen_by : function of rows in memory
        Gives what evaluates them: an `Evaluator` or `Glance`.
    """

    def __init__(self, seen_by):
        self.seen_by = seen_by

    def log_densities(self, rows, n_threads):
        """Log-density of each row (n,)."""
        return self._each(rows, "log_densities", n_threads)

    def responsibilities(self, rows, n_threads):
        """Probability of each component given each row (n, k)."""
        return self._each(rows, "responsibilities", n_threads)

    def labels(self, rows, n_threads):
        """The most probable component of each row (n,)."""
        return self._each(rows, "labels", n_threads)

    def _each(self, rows, verb, n_threads):
        return np.concatenate(list(rows.map(partial(evaluated, self.seen_by, verb, n_threads))))

    def scores(self, rows, n_threads):
        """Sums over all rows, of positive weight, by one pass."""
        found = list(rows.map(partial(scored, self.seen_by, n_threads)))
        if not found:
            raise ValueError("X has no row of positive weight: at least one must be.")
        total, volume, *sums = (sum(parts) for parts in zip(*found, strict=True))
        return Scores(total, volume / total, *sums)


def evaluated(seen_by, verb, n_threads, X, weights=None):
    """What is said of each of some rows in memory."""
    return getattr(seen_by(X), verb)(X, n_threads)


def scored(seen_by, n_threads, X, weights):
    """What is summed of some rows in memory: weights, these times log-volumes, and scores."""
    evaluator = seen_by(X)
    rows = evaluator.rows(X, weights, n_threads)
    s = rows.sweep(evaluator.density, "none")
    return (rows.total, rows.total * rows.log_volume, s.log_likelihood * s.unit, s.log_classification * s.unit,
            s.shares * s.unit)
