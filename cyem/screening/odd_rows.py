"""Rows that stand alone, and rows that are there several times.

A row is odd where it lies beyond a gap, in one column or along one principal axis, that is wide against all that lies
on this side of it, with at most ALONE rows near each other there. So a small group far away is a group, and the last
rows of a long tail, which gets thinner bit by bit, are its rows.
"""

import numpy as np

ALONE = 4  # rows near each other, at most: more are a group
GAP = 3.0  # times the distance over which the outermost INSIDE rows on this side spread
INSIDE = 20
LEAST = 20  # rows; of fewer nothing is said
SCANNED = 0.05  # share of the rows at either end where gaps are looked for
HALVES = 1.0  # times the width of the middle half, which a gap must have too


def bounds(values):
    """Between which values rows do not stand alone.

    Parameters
    ----------
    values : ndarray of shape (n,)
        By size.

    Returns
    -------
    low, high : float
        Infinite where no row does, at that end.
    """
    n = len(values)
    if n < LEAST:
        return -np.inf, np.inf
    inside, most = min(INSIDE, n // 4), max(ALONE, int(SCANNED * n))
    least = HALVES * (values[n - 1 - n // 4] - values[n // 4])
    tail = most + inside + 1
    high = _end(values[-tail:], inside, least)
    low = _end(-values[:tail][::-1], inside, least)
    return -low, high


def _end(v, inside, least):
    """The last of ascending values before the first wide gap, if what is beyond stands alone; infinity if not."""
    spans, gaps = v[inside:-1] - v[: -1 - inside], v[inside + 1 :] - v[inside:-1]
    wide = np.flatnonzero(gaps > np.maximum(GAP * spans, least))
    if not len(wide):
        return np.inf
    place = int(wide[0])
    return np.inf if _group(v[inside + 1 + place :], max(GAP * spans[place], least)) else float(v[inside + place])


def _group(v, span):
    """Whether more than ALONE of ascending values lie within a span."""
    return len(v) > ALONE and bool((v[ALONE:] - v[:-ALONE] <= span).any())


def principal_scores(Z):
    """Scores along the principal axes of standardised columns, those of next to no variance left out.

    Z : ndarray of shape (n, d), centred and of unit scale.
    """
    values, vectors = np.linalg.eigh(Z.T @ Z / len(Z))
    wide = values > 1e-8 * values[-1]
    return Z @ vectors[:, wide]


def hashes(X):
    """A number for each row that is equal for equal rows, and else is so by no chance worth the name (n,)."""
    bits = np.ascontiguousarray(X + 0.0, dtype=np.float64).view(np.uint64)  # -0 is 0
    mixed = np.zeros(len(X), np.uint64)
    for j in range(X.shape[1]):
        mixed ^= bits[:, j]  # and then the steps of splitmix64, which spread every bit over all
        mixed += np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(30)
        mixed *= np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(27)
        mixed *= np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
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

    Rows in the same cell of twice the step in each column are in any of its 2^d parts alike: of the pairs in there
    that differ, there would be one in 2^d - 1 that does not.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        In columns of which none is determined by others.
    steps : ndarray of shape (d,)
        The step of each column, > 0.
    """
    fine = np.rint((X - X.min(axis=0)) / steps)
    equal = copies(hashes(fine))[1]
    near = max(copies(hashes(np.floor((fine + offset) / 2)))[1] for offset in (0, 1))
    return (near - equal) / (2.0 ** X.shape[1] - 1)
