"""The free parameters of a structure around given covariances: what scores, information and standard errors need.

Every component has a root R with Sigma = R R'. A small change of a free parameter makes it R (I + B) R', where B is a
symmetric matrix that says which of volume, shape and orientation changes, of which components. In these coordinates
nothing depends on units: x has z = R^-1 (x - mu), and its log-density the derivative tr(B (z z' - I)) / 2.
"""

from typing import NamedTuple

import numpy as np

from .base import eigh
from .common_axes import axes_of


class Local(NamedTuple):
    """Free parameters around k covariance matrices (d, d), p of them.

    Entries of symmetric matrices are listed as vectors (m,): all of the upper triangle, or the diagonal where the
    structure is axis-parallel.
    """

    roots: np.ndarray  # (k, d, d)
    rows: np.ndarray  # (m,): where the entries are
    columns: np.ndarray  # (m,)
    tangent: np.ndarray  # (k, m, p): the entries of B for each component and free parameter
    turns: slice  # the parameters that turn axes
    variances: np.ndarray | None  # (k, d) along the axes, where axes turn

    def matrices(self, entries):
        """Symmetric matrices (..., d, d) from their entries (..., m)."""
        d = self.roots.shape[1]
        A = np.zeros((*entries.shape[:-1], d, d))
        A[..., self.rows, self.columns] = A[..., self.columns, self.rows] = entries
        return A

    def effect(self, j):
        """What the entries of B do to those of Sigma_j: R (I + B) R' - Sigma_j as a matrix (m, m)."""
        R = self.roots[j]
        i, j, a, b = self.rows[:, None], self.columns[:, None], self.rows, self.columns
        return R[i, a] * R[j, b] + np.where(a == b, 0, R[i, b] * R[j, a])

    def curvature(self, masses, N):
        """Minus the second derivatives (p, p) of the expected log-likelihood of the whole data at its maximum.

        masses (k,); N (k, m): the entries of the sample covariances of z. Of n_k/2 (-log det X - tr(X^-1 N)) at X = I,
        where X = exp(B), but for axes that turn: X = V^-1/2 exp(A) V exp(S) exp(-A) V^-1/2 with skew A.
        """
        p = self.tangent.shape[2]
        total = np.zeros((p, p))
        for j, n in enumerate(masses):
            own = np.flatnonzero(self.tangent[j].any(axis=0))
            right = left = self.tangent[j][:, own].T
            if len(self.rows) == self.roots.shape[1]:  # diagonal
                left = left * N[j]
            else:
                B = self.matrices(right)
                left, right = ((B @ A).reshape(len(own), -1) for A in (self.matrices(N[j]), np.eye(B.shape[1])))
            total[np.ix_(own, own)] += n / 2 * left @ right.T
        if self.variances is not None:
            self._turn(total, masses, self.matrices(N))
        return (total + total.T) / 2

    def _turn(self, total, masses, N):
        """Put right the second derivatives in which axes turn."""
        d = self.roots.shape[1]
        turns = np.arange(total.shape[0])[self.turns]
        plain = np.arange(self.turns.start)
        total[turns] = total[:, turns] = 0
        A = np.zeros((d * (d - 1) // 2, d, d))
        pair = np.arange(len(A)), *np.triu_indices(d, 1)
        A[pair], A.swapaxes(1, 2)[pair] = 1, -1
        diagonal = np.flatnonzero(self.rows == self.columns)
        for j, n in enumerate(masses):
            v = self.variances[j]
            M = N[j] * np.sqrt(v[:, None] * v)
            C = M @ A - A @ M
            own = turns if len(turns) == len(A) else turns[j * len(A) : (j + 1) * len(A)]
            twice = (C / v - C / v[:, None]).reshape(len(A), -1) @ A.reshape(len(A), -1).T
            total[np.ix_(own, own)] += n / 4 * (twice + twice.T)
            mixed = -n / 2 * (self.tangent[j][diagonal][:, plain] / v[:, None]).T @ C[:, range(d), range(d)].T
            total[np.ix_(plain, own)] += mixed
            total[np.ix_(own, plain)] += mixed.T


def local(code, covariances):
    """The free parameters of the structure `code` around covariances (k, d, d) that it allows."""
    k, d = covariances.shape[:2]
    volume, shape, orientation = code
    turning = orientation != "I" and shape != orientation
    rows, columns = (np.arange(d),) * 2 if orientation == "I" else np.triu_indices(d)
    variances = None
    if turning:
        Q = eigh(covariances)[1] if orientation == "V" else np.repeat(axes_of(covariances)[None], k, axis=0)
        variances = np.diagonal(Q.swapaxes(1, 2) @ covariances @ Q, axis1=1, axis2=2)
        roots = Q * np.sqrt(variances)[:, None, :]
    else:
        roots = np.linalg.cholesky(covariances)

    entries = np.eye(len(rows))
    on, off = entries[:, rows == columns], entries[:, rows != columns]
    if turning:
        pairs = rows != columns
        first, second = variances[:, rows[pairs]], variances[:, columns[pairs]]
        off = off * ((second - first) / np.sqrt(first * second))[:, None, :]
    blocks = [
        shared(on.sum(axis=1, keepdims=True), volume, k),
        shared(on @ contrasts(d), shape, k),
        shared(off, orientation, k),
    ]
    tangent = np.concatenate(blocks, axis=2)
    return Local(roots, rows, columns, tangent, slice(tangent.shape[2] - blocks[2].shape[2], None), variances)


def shared(directions, letter, k):
    """Directions (m, c) or (k, m, c) that k components take together (E), each alone (V), or never (I): (k, m, p)."""
    directions = np.broadcast_to(directions, (k, *directions.shape[-2:]))
    _, m, c = directions.shape
    if letter == "I":
        return np.zeros((k, m, 0))
    if letter == "E":
        return directions
    alone = np.zeros((k, m, k, c))
    alone[range(k), :, range(k)] = directions
    return alone.reshape(k, m, k * c)


def contrasts(n):
    """Orthonormal vectors of sum zero, (n, n - 1): Helmert's."""
    H = np.tril(np.ones((n, n)), -1).T - np.diag(np.arange(n))
    return H[:, 1:] / np.sqrt((H[:, 1:] ** 2).sum(axis=0))
