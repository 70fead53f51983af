"""From one mixture to the next: into another structure, one component more, one component less. No pass over samples.

All of these go through moments: the Gaussians that a mixture is to resemble are summed up as samples would be, and the
M-step of the structure makes of that what is nearest to it (in the sense of Kullback and Leibler).
"""

from typing import NamedTuple

import numpy as np

from ..rows.statistics import TINY, Statistics
from .covariance.base import eigh, precision_factors

APART = 0.8  # standard deviations from the middle to the mean of either half of a normal distribution


class Gaussians(NamedTuple):
    """Weighted normal distributions in the coordinates of a frame, whatever the structure.

    Covariances are matrices, or what there is to them: variances of axis-parallel components, or one of round ones.
    """

    weights: np.ndarray  # (k,)
    means: np.ndarray  # (k, d)
    covariances: np.ndarray  # (k, d, d), (k, d) or (k,)

    @property
    def variances(self):
        """Of the features (k, d)."""
        S, shape = self.covariances, self.means.shape
        if S.ndim == 1:
            return np.broadcast_to(S[:, None], shape)
        return np.diagonal(S, axis1=1, axis2=2) if S.ndim == 3 else S

    @property
    def deviations(self):
        """Standard deviations of the features (k, d)."""
        return np.sqrt(self.variances)

    def deviation(self, j, axis):
        """The standard deviation of component j along an axis (d,) of length one."""
        S = self.covariances[j]
        return np.sqrt(axis @ S @ axis if S.ndim == 2 else S @ axis**2 if S.ndim == 1 else S)

    def distances(self, j, others):
        """Squared Mahalanobis distances of the mean of component j from each of others (m,), by their covariances."""
        S, gaps = self.covariances[others], self.means[j] - self.means[others]
        if S.ndim == 3:
            gaps = (gaps[:, None, :] @ precision_factors(S))[:, 0]
            return (gaps**2).sum(axis=1)
        return (gaps**2 / (S if S.ndim == 2 else S[:, None])).sum(axis=1)

    def divergences(self, j, others):
        """The symmetric Kullback-Leibler divergence, KL(j, i) + KL(i, j), of component j and each of others (m,).

        tr(P_i S_j + P_j S_i) / 2 - d + gap' (P_i + P_j) gap / 2, with P the inverse of S.
        """
        d, S, gaps = self.means.shape[1], self.covariances, self.means[others] - self.means[j]
        if S.ndim == 3:
            U = precision_factors(S[[j, *others]])
            P_j, *P = U @ U.swapaxes(1, 2)
            traces = (P * S[j]).sum(axis=(1, 2)) + (S[others] * P_j).sum(axis=(1, 2))
            squares = ((gaps[:, None, :] @ (P + P_j))[:, 0] * gaps).sum(axis=1)
        else:
            v = S[others] if S.ndim == 2 else np.repeat(S[others, None], d, axis=1)
            ratios = v / S[j]
            traces = (ratios + 1 / ratios).sum(axis=1)
            squares = (gaps**2 * (1 / v + 1 / S[j])).sum(axis=1)
        return (traces + squares) / 2 - d


def gaussians(parameters):
    """The components of a mixture."""
    k, _ = parameters.means.shape
    return Gaussians(parameters.weights, parameters.means, parameters.structure.each(parameters.covariances, k))


def moved(these, frame, target):
    """The same in the coordinates of another frame about the same reference."""
    ratio, S = frame.units / target.units, these.covariances
    if S.ndim == 1 and (ratio != ratio[0]).any():  # other units for some of the features make of a ball an ellipsoid
        S = np.repeat(S[:, None], len(ratio), axis=1)
    S = S * ratio * (ratio[:, None] if S.ndim == 3 else ratio) if S.ndim > 1 else S * ratio[0] ** 2
    return Gaussians(these.weights, these.means * ratio, S)


def seen(covariances, d, moments):
    """Covariances as far as second moments of a kind see them."""
    S = covariances
    if moments in ("scatter", "pooled"):
        return S if S.ndim == 3 else (S if S.ndim == 2 else S[:, None])[:, :, None] * np.eye(d)
    S = np.diagonal(S, axis1=1, axis2=2) if S.ndim == 3 else S
    if moments == "squares":
        return S if S.ndim == 2 else np.repeat(S[:, None], d, axis=1)
    return S if S.ndim == 1 else S.mean(axis=1)


def statistics(mixture, these):
    """What samples of given Gaussians would sum up to: the M-step gives these, where they are of the structure."""
    return expected(these, mixture.structure.moments, mixture.frame)


def expected(these, moments, frame):
    """The same, of second moments of a kind."""
    d = these.means.shape[1]
    second = (seen(these.covariances, d, moments).T * these.weights).T
    if moments == "pooled":
        second = second.sum(axis=0)
    elif moments == "norms":
        second = second * d
    sums = [np.zeros(2), these.weights, np.zeros(these.means.size), second.ravel()]
    return Statistics(np.concatenate(sums), these.means, frame)


def divided(these, j, shares, means, covariances):
    """Two components in the place of component j: shares (2,) of its weight, means (2, d), covariances (2, ...)."""
    w, m, S = (np.delete(array, j, axis=0) for array in these)
    return Gaussians(np.concatenate([w, shares * these.weights[j]]), np.concatenate([m, means]),
                     np.concatenate([S, covariances]))


def longest(covariance, d):
    """The principal axis of one component, as long as the standard deviation along it (d,)."""
    if covariance.ndim == 2:
        values, vectors = eigh(covariance)
        return np.sqrt(values[-1]) * vectors[:, -1]
    axis = np.zeros(d)
    widest = covariance.argmax() if covariance.ndim else d - 1  # of a ball any axis will do
    axis[widest] = np.sqrt(covariance[widest] if covariance.ndim else covariance)
    return axis


def squared(x, covariance):
    """x x' of a vector (d,), as far as a covariance like this one holds it."""
    return x * x[:, None] if covariance.ndim == 2 else x * x if covariance.ndim == 1 else x @ x / len(x)


def split(these, j):
    """Component j cut in two across its first axis, with the mean and the covariances of the whole."""
    mean, S = these.means[j], these.covariances[j]
    step = APART * longest(S, len(mean))
    half = S - squared(step, S)
    return divided(these, j, np.full(2, 0.5), [mean - step, mean + step], [half, half])


def twin(these, j):
    """Component j twice, with half of its weight each: the same density, with one component more."""
    w, m, S = these
    weights = np.append(w, w[j] / 2)
    weights[j] /= 2
    return Gaussians(weights, np.vstack([m, m[j]]), np.concatenate([S, S[j : j + 1]]))


def pooled(these, i, j):
    """Mean (d,) and covariance of two components taken together."""
    w, m, S = these
    share = w[i] / max(w[i] + w[j], TINY)
    gap = m[i] - m[j]
    mean = share * m[i] + (1 - share) * m[j]
    return mean, share * S[i] + (1 - share) * S[j] + share * (1 - share) * squared(gap, S[i])


def merged(these, i, j):
    """Components i and j as one, with the mean and the covariances of both."""
    w, m, S = these
    pair = [i, j]
    mean, both = pooled(these, i, j)
    return Gaussians(
        np.append(np.delete(w, pair), w[pair].sum()),
        np.vstack([np.delete(m, pair, axis=0), mean]),
        np.concatenate([np.delete(S, pair, axis=0), both[None]]),
    )
