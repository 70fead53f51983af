"""Some features of a mixture, and some given others: formulas.

Of a normal component with mean (a, b) and covariance [[A, B'], [B, C]] the features of which the mean is b are, where
the others are x, normal again: N(b + B A^-1 (x - a), C - B A^-1 B') (Anderson 2003, theorem 2.5.1). Of a t distribution
with nu degrees of freedom they have nu + p, p of the features being known, and this matrix times (nu + q) / (nu + p),
q the squared Mahalanobis distance of x (Ding 2016, The American Statistician 70, 293-295).
"""

from typing import NamedTuple

import numpy as np


class Given(NamedTuple):
    """What k components say of m features, given p others: locations c + M (x - a), and covariances."""

    maps: np.ndarray  # M (k, m, p)
    covariances: np.ndarray  # (k, m, m), whatever x is; of t distributions before they are stretched
    factors: np.ndarray  # (k, p, p): the lower Cholesky factors of the covariances of what is known


def block(shape, covariances, features):
    """Covariances of some features, in the shape of their structure."""
    if shape.square:
        return covariances[..., np.asarray(features)[:, None], features]
    return covariances if covariances.ndim == 1 else covariances[:, features]


def given(covariances, known, asked):
    """The features `asked` given those that are `known`, of covariances (k, d, d)."""
    A, B, C = (covariances[:, np.asarray(rows)[:, None], columns]
               for rows, columns in ((known, known), (asked, known), (asked, asked)))
    L = np.linalg.cholesky(A)
    Y = np.linalg.solve(L, B.swapaxes(1, 2))
    maps = np.linalg.solve(L.swapaxes(1, 2), Y).swapaxes(1, 2)
    rest = C - Y.swapaxes(1, 2) @ Y
    return Given(np.ascontiguousarray(maps), (rest + rest.swapaxes(1, 2)) / 2, L)


def distances(x, factors):
    """Squared Mahalanobis distances (n, k) of deviations x (n, k, p) from the centres, by lower Cholesky factors."""
    z = np.linalg.solve(factors, x.transpose(1, 2, 0))  # (k, p, n)
    return (z * z).sum(axis=1).T
