"""What a first look at rows finds: how many there are, where they lie and how far they spread. What is found adds."""

from typing import NamedTuple

import numpy as np

from .data import columns_without_values, finite
from .samples import Frame, locate, power_of_two
from .views import locate_observed


class Survey(NamedTuple):
    """Of some rows; of some and others: the sum, in which means and deviations are kept where nothing overflows."""

    n: int
    total: float  # of the weights
    squares: float  # the sum of their squares
    most: float  # the largest
    alike: bool  # whether each is 1
    complete: bool  # whether all of each row was observed
    low: np.ndarray  # (d,), of what was observed, as the rest
    high: np.ndarray
    seen: np.ndarray  # (d,): weight of the rows in which each feature was observed
    means: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, X, weights):
        """Of rows X (n, d), NaN where nothing was observed, with positive weights (n,), or None for ones."""
        low, high = np.fmin.reduce(X, axis=0), np.fmax.reduce(X, axis=0)
        complete = finite(X)
        exact = X.astype(np.float64, copy=False)
        if complete:
            frame, variances, _ = locate(exact, weights, False)
            seen = np.full(len(low), float(len(X)) if weights is None else weights.sum())
        else:
            there = ~np.isnan(X)
            any_there = there.any(axis=0)
            seen = there.sum(axis=0) if weights is None else (there * weights[:, None]).sum(axis=0)
            exact = np.ascontiguousarray(np.where(any_there, exact, 0.0))
            frame, variances, _ = locate_observed(exact, weights, False)
        deviations = np.minimum(np.sqrt(variances) * frame.units, np.where(low < high, high / 2 - low / 2, 0.0))
        total, squares, most, alike = (len(X), len(X), 1.0, True) if weights is None else (
            weights.sum(), (weights * weights).sum(), weights.max(), (weights == 1).all())
        return cls(len(X), float(total), float(squares), float(most), bool(alike), complete, low, high,
                   seen.astype(np.float64), frame.reference, deviations)

    def __add__(self, other):
        seen = self.seen + other.seen
        parts = np.where(seen > 0, seen, 1.0)
        a, b = self.seen / parts, other.seen / parts
        apart = other.means / 2 - self.means / 2
        between = 2 * np.sqrt(a * b) * apart
        within = np.hypot(np.sqrt(a) * self.deviations, np.sqrt(b) * other.deviations)
        return Survey(
            self.n + other.n, self.total + other.total, self.squares + other.squares, max(self.most, other.most),
            self.alike and other.alike, self.complete and other.complete, np.fmin(self.low, other.low),
            np.fmax(self.high, other.high), seen, a * self.means + b * other.means, np.hypot(within, between))

    def check(self, names):
        """Raise ValueError where a column, which may have one of the names, has no value, or weights have no sum."""
        if not (self.seen > 0).all():
            columns_without_values(self.extremes, names)
        if not self.total < np.inf:
            raise ValueError(f"sample_weight sums to {self.total}: their sum must be finite.")

    @property
    def extremes(self):
        """Two rows that reach as far as all of them."""
        return np.stack([self.low, self.high])

    def locate(self, dtype, one_unit):
        """Frame, variances in it, and whether these are ordinary, as `samples.locate` has them of rows in memory."""
        info = np.finfo(dtype)
        varied = self.high > self.low
        reference = self.means.astype(dtype).astype(np.float64)
        deviations = np.where(varied, self.deviations, 0.0)
        sizes = np.where(deviations > 0, deviations, abs(reference))  # the only scale that a constant has
        units = power_of_two(np.full_like(sizes, sizes.max()) if one_unit else sizes, dtype)
        variances = np.where(deviations > 0, (deviations / units) ** 2, 1.0)
        ranges = self.high.astype(np.float64) / 2 - self.low.astype(np.float64) / 2
        least = np.ldexp(1.0, (60 if info.bits == 64 else 24) - (info.maxexp - 4))
        ordinary = ((ranges <= float(info.max) / 2) & ((sizes >= least) | (sizes == 0)) & (variances > 1e-280)).all()
        return Frame(reference, units), variances, bool(ordinary)

    def log_volume(self, frame):
        """What the mean log-density in a frame exceeds that outside by: units count where a value was observed."""
        return float((self.seen / self.total * np.log(frame.units)).sum()) if not self.complete else frame.log_volume
