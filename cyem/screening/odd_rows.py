"""Rows that stand alone, and rows that are there several times.

A row is odd where it lies beyond a gap, in one column or along one principal axis, that is wide against all that lies
on this side of it, with at most ALONE rows near each other there. So a small group far away is a group, and the last
rows of a long tail, which gets thinner bit by bit, are its rows.
"""

from typing import NamedTuple

import numpy as np

ALONE = 4  # rows near each other, at most: more are a group
GAP = 3.5  # times the distance over which the outermost INSIDE rows on this side spread; along an axis,
GAP_ON_AXIS = 6.0  # as the rows have chosen it themselves
INSIDE, FEWEST = 20, 15  # or a tenth of all, if that is between these; a quarter, where these are more
LEAST = 20  # rows; of fewer nothing is said
UNSEEN = 3  # pairs that there might have been, where none was seen
BLOCK = 1 << 13  # rows at a time
SCANNED = 0.05  # share of the rows at either end where gaps are looked for
MOST = 500  # and at most as many
HALVES = 1.0  # times the width of the middle half, which a gap must have too


class Alone(NamedTuple):
    """Which rows stand alone in one column: those below `low` or above `high`, infinite where there are none."""

    low: float
    high: float
    rows: np.ndarray
    values: np.ndarray

    def above(self, high):
        """The same with only those at the upper end that lie above another bound too."""
        high = max(high, self.high)
        keep = (self.values < self.low) | (self.values > high)
        return Alone(self.low, high, self.rows[keep], self.values[keep])


def alone(blocks, n, samples, gap=GAP):
    """The rows that stand alone in each of several columns.

    Parameters
    ----------
    blocks : callable
        Called with a slice of the rows, gives their values in all columns; NaN stands nowhere.
    n : int
        Number of rows.
    samples : list of ndarray
        Values of each column by size: all that are no NaN, or those of part of the rows.
    gap : float
        GAP or GAP_ON_AXIS.

    Returns
    -------
    list of Alone
    """
    size = min(n, max(ALONE, min(MOST, int(SCANNED * n))) + INSIDE + 1)
    outer = [min(len(v), -(-2 * size * len(v) // n)) if len(v) < n else min(len(v), size) for v in samples]
    low = np.array([v[rank - 1] if rank else -np.inf for v, rank in zip(samples, outer, strict=True)])
    high = np.array([v[-rank] if rank else np.inf for v, rank in zip(samples, outer, strict=True)])
    rows, columns, values = [], [], []
    for start in range(0, n, BLOCK):
        block = blocks(slice(start, start + BLOCK))
        row, column = np.nonzero((block <= low) | (block >= high))
        rows.append(row + start)
        columns.append(column)
        values.append(block[row, column])
    rows, columns, values = map(np.concatenate, (rows, columns, values))
    order = np.lexsort((values, columns))
    parts = np.searchsorted(columns[order], np.arange(len(samples) + 1))
    found = []
    for v, first, last in zip(samples, parts[:-1], parts[1:], strict=True):
        own = order[first:last]
        limits = _limits(v, values[own], size, gap)
        own = own[(values[own] < limits[0]) | (values[own] > limits[1])]
        found.append(Alone(*limits, rows[own], values[own]))
    return found


def _limits(v, outer, size, gap):
    """Between which values rows do not stand alone; `outer` holds the outermost ones by size."""
    if len(v) < LEAST:
        return -np.inf, np.inf
    inside = min(INSIDE, max(FEWEST, len(v) // 10), len(v) // 4)
    least = HALVES * float(v[len(v) - 1 - len(v) // 4] - v[len(v) // 4])
    return -_end(-outer[:size][::-1], inside, gap, least), _end(outer[-size:], inside, gap, least)


def _end(v, inside, gap, least):
    """The last of ascending values before the first wide gap, if what is beyond stands alone; infinity if not."""
    spans, gaps = v[inside:-1] - v[: -1 - inside], v[inside + 1 :] - v[inside:-1]
    wide = np.flatnonzero(gaps > np.maximum(gap * spans, least))
    if not len(wide):
        return np.inf
    place = int(wide[0])
    return np.inf if _group(v[inside + 1 + place :], max(gap * spans[place], least)) else float(v[inside + place])


def _group(v, span):
    """Whether more than ALONE of ascending values lie within a span."""
    return len(v) > ALONE and bool((v[ALONE:] - v[:-ALONE] <= span).any())


def principal_axes(Z):
    """The principal axes of standardised columns, those of next to no variance left out: (d, axes).

    Z : ndarray of shape (n, d), centred and of unit scale.
    """
    values, vectors = np.linalg.eigh(Z.T @ Z / len(Z))
    return vectors[:, values > 1e-8 * values[-1]]


def hashes(X):
    """A number for each row that is equal for equal rows, and else is so by no chance worth the name (n,)."""
    mixed = np.zeros(len(X), np.uint64)
    for start in range(0, len(X), BLOCK):
        # -0 is 0; columns one after the other, so that a block stays in the cache
        bits = np.ascontiguousarray(X[start : start + BLOCK].T + 0.0, dtype=np.float64).view(np.uint64)
        own = mixed[start : start + BLOCK]
        for values in bits:
            own ^= values  # and then the steps of splitmix64, which spread every bit over all
            own += np.uint64(0x9E3779B97F4A7C15)
            own ^= own >> np.uint64(30)
            own *= np.uint64(0xBF58476D1CE4E5B9)
            own ^= own >> np.uint64(27)
            own *= np.uint64(0x94D049BB133111EB)
            own ^= own >> np.uint64(31)
    return mixed


def copies(mixed):
    """Rows that are a copy of an earlier one, and how many pairs of equal rows there are.

    mixed : ndarray of shape (n,), as `hashes` gives it.
    """
    order = np.argsort(mixed, kind="stable")
    same = np.diff(mixed[order]) == 0
    if not same.any():
        return np.zeros(0, int), 0
    runs = np.diff(np.flatnonzero(np.concatenate([[True], ~same, [True]])))
    return np.sort(order[1:][same]), int((runs * (runs - 1) // 2).sum())


def pairs_by_chance(X, steps):
    """How many pairs of equal rows rounding gives by chance.

    Rows in the same cell of twice the step in each rounded column are in any of its 2^d parts alike: of the pairs in
    there that differ, there would be one in 2^d - 1 that does not.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        In columns of which none is determined by others.
    steps : ndarray of shape (d,)
        The step of each column; 0 for a category.
    """
    rounded = steps > 0
    fine = np.where(rounded, np.rint((X - X.min(axis=0)) / np.where(rounded, steps, 1.0)), X)
    equal = copies(hashes(fine))[1]
    near = max(copies(hashes(np.where(rounded, np.floor((fine + offset) / 2), X)))[1] for offset in (0, 1))
    return (near - equal + UNSEEN) / (2.0 ** rounded.sum() - 1)
