"""What is expected of the scores of whole rows, given what was observed of them, and how uncertain these still are.

In the units of a component a row is x = mu + R z with z ~ N(0, I), and is seen as y = A z + e, where A has the rows of
R of the features that were observed and e ~ N(0, E) is the error of measurement. Given y, z is normal with mean A' T^-1
y and covariance C = I - A' T^-1 A, where T = A A' + E. Scores are z and the products of two of its entries: means and
covariances of these follow, as moments of normal variables do (Isserlis 1918, Biometrika 12, 134-139).
"""

from typing import NamedTuple

import numpy as np

from ..rows.views import inside, patterns


class Seen(NamedTuple):
    """Rows of which a part is known, those side by side that are seen the same way."""

    y: np.ndarray  # (n, d): in the frame, 0 where nothing was observed
    observed: np.ndarray  # (g, d): 1 where a feature is, 0 where not, of each of g groups that are seen the same way
    noise: np.ndarray  # (g, d, d): covariances of errors of measurement, 0 where nothing is observed
    group: np.ndarray  # (n,)
    begin: np.ndarray  # (g,): the first row of each


def whole_first(X, known):
    """Indices of the rows that are known whole, and of the others, side by side where they are seen the same way."""
    gone = np.isnan(X)
    part = gone.any(axis=1) if known.noise is None else np.ones(len(X), bool)
    rows = np.flatnonzero(part)
    noise = None if known.noise is None else known.noise[rows]
    return np.flatnonzero(~part), rows[np.argsort(patterns(gone[rows], noise), kind="stable")]


def seen(X, noise, frame):
    """Rows (n, d) in the order of `whole_first`, NaN where nothing was observed, and what their errors are."""
    gone = np.isnan(X)
    group = patterns(gone, noise)
    new = np.append(True, group[1:] != group[:-1])
    begin, d = np.flatnonzero(new), X.shape[1]
    errors = np.zeros((len(begin), d, d))
    if noise is not None:
        own = inside(noise[begin], gone[begin], frame)
        errors = own if noise.ndim == 3 else own.swapaxes(1, 2) * np.eye(d)
    return Seen(np.where(gone, 0, frame.enter(X)), 1.0 - gone[begin], errors, np.cumsum(new) - 1, begin)


class Gains(NamedTuple):
    """What groups of rows say of the z of one component."""

    whitening: np.ndarray  # (g, d, d): L^-1, where T = L L'
    maps: np.ndarray  # (g, d, d): A' L'^-1, which makes means of what is whitened
    covariances: np.ndarray  # C (g, d, d)
    constants: np.ndarray  # (g,): -log det L


def gains(rows, root):
    """What the groups say of the z of the component with this root (d, d)."""
    A = rows.observed[:, :, None] * root
    T = A @ A.swapaxes(1, 2) + rows.noise + (1 - rows.observed)[:, :, None] * np.eye(len(root))
    L = np.linalg.cholesky(T)
    W = np.linalg.inv(L)
    maps = (W @ A).swapaxes(1, 2)
    C = np.eye(len(root)) - maps @ maps.swapaxes(1, 2)
    return Gains(W, maps, C, -np.log(np.diagonal(L, axis1=1, axis2=2)).sum(axis=1))


def expected(rows, mean, root):
    """Log-density (n,) of what was observed, without its constant, mean of z (n, d), and gains, of one component."""
    own = gains(rows, root)
    y = (rows.y - mean) * rows.observed[rows.group]
    white = np.einsum("nij,nj->ni", own.whitening[rows.group], y)
    z = np.einsum("nij,nj->ni", own.maps[rows.group], white)
    return own.constants[rows.group] - (white**2).sum(axis=1) / 2, z, own


class Uncertain:
    """Sums over rows of what is uncertain of the scores of one component.

    Parameters
    ----------
    rows, columns : ndarray of shape (m,)
        Which products of entries of z are scores; those of an entry with itself are halved.
    d : int
    """

    def __init__(self, rows, columns, d):
        self.rows, self.columns = rows, columns
        self.factors = np.where(rows == columns, 0.5, 1.0)
        # sums of n C, of C times the mean of z, of n C times C, and of products of means of z times C
        self.C, self.third = np.zeros((d, d)), np.zeros((d, d, d))
        self.twice, self.fourth = np.zeros((2, d, d, d, d))

    def add(self, rows, mass, z, C):
        """Rows count by mass (n,); z: means (n, d); C: covariances of their groups (g, d, d)."""
        n = np.add.reduceat(mass, rows.begin)
        first = np.add.reduceat(z * mass[:, None], rows.begin)
        second = np.add.reduceat((z * mass[:, None])[:, :, None] * z[:, None], rows.begin)
        flat, shape = C.reshape(len(C), -1), self.twice.shape
        self.C += np.tensordot(n, C, 1)
        self.third += (flat.T @ first).reshape(shape[:3])
        self.twice += ((flat * n[:, None]).T @ flat).reshape(shape)
        self.fourth += (second.reshape(flat.shape).T @ flat).reshape(shape)

    def covariance(self):
        """Covariances (1 + d + m, 1 + d + m) of the scores by log-weight, mean and entries of B, given the rows."""
        a, b, f = self.rows, self.columns, self.factors
        mixed = (self.third[:, a, b] + self.third[:, b, a]) * f
        return self._together(mixed, _pairs(self.twice, a, b) / 2 + _pairs(self.fourth, a, b))

    def lost(self):
        """What the model expects these to be, whatever the values are: information about a component that is lost."""
        a, b = self.rows, self.columns
        d = len(self.C)
        unit = np.eye(d)[:, :, None, None] * self.C
        return self._together(np.zeros((d, len(a))), _pairs(unit, a, b) - _pairs(self.twice, a, b) / 2)

    def _together(self, mixed, pairs):
        d, f = len(self.C), self.factors
        out = np.zeros((1 + d + len(f),) * 2)
        out[1 : 1 + d, 1 : 1 + d] = self.C
        out[1 : 1 + d, 1 + d :] = mixed
        out[1 + d :, 1 : 1 + d] = mixed.T
        out[1 + d :, 1 + d :] = pairs * f[:, None] * f
        return out


def _pairs(T, a, b):
    """T of (a, c, b, d), (a, d, b, c), (b, c, a, d) and (b, d, a, c), for pairs (a, b) and (c, d): (m, m)."""
    (a, c), (b, d) = ((i[:, None], i) for i in (a, b))
    return T[a, c, b, d] + T[a, d, b, c] + T[b, c, a, d] + T[b, d, a, c]
