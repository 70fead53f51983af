"""From one mixture to the next: into another structure, one component more, one component less. No pass over samples.

All of these go through moments: the Gaussians that a mixture is to resemble are summed up as samples would be, and the
M-step of the structure makes of that what is nearest to it (in the sense of Kullback and Leibler).
"""

from typing import NamedTuple

import numpy as np

from .covariance.base import eigh
from .statistics import TINY, Statistics

APART = 0.8  # standard deviations from the middle to the mean of either half of a normal distribution
SECOND = {  # second moments as the kernels sum them, from scatter matrices (k, d, d)
    "scatter": lambda S: S,
    "pooled": lambda S: S.sum(axis=0),
    "squares": lambda S: np.diagonal(S, axis1=1, axis2=2),
    "norms": lambda S: np.trace(S, axis1=1, axis2=2),
}


class Gaussians(NamedTuple):
    """Weighted normal distributions in the coordinates of a frame, whatever the structure."""

    weights: np.ndarray  # (k,)
    means: np.ndarray  # (k, d)
    covariances: np.ndarray  # (k, d, d)


def gaussians(parameters):
    """The components of a mixture."""
    k, d = parameters.means.shape
    return Gaussians(parameters.weights, parameters.means, parameters.structure.full(parameters.covariances, k, d))


def moved(these, frame, target):
    """The same in the coordinates of another frame about the same reference."""
    ratio = frame.units / target.units
    return Gaussians(these.weights, these.means * ratio, these.covariances * ratio * ratio[:, None])


def statistics(mixture, these):
    """What samples of given Gaussians would sum up to: the M-step gives these, where they are of the structure."""
    scatter = these.covariances * these.weights[:, None, None]
    second = SECOND[mixture.structure.moments](scatter).ravel()
    sums = [np.zeros(2), these.weights, np.zeros(these.means.size), second]
    return Statistics(np.concatenate(sums), these.means)


def divided(these, j, shares, means, covariances):
    """Two components in the place of component j: shares (2,) of its weight, means (2, d), covariances (2, d, d)."""
    w, m, S = (np.delete(array, j, axis=0) for array in these)
    return Gaussians(np.concatenate([w, shares * these.weights[j]]), np.concatenate([m, means]),
                     np.concatenate([S, covariances]))


def split(these, j):
    """Component j cut in two across its first axis, with the mean and the covariances of the whole."""
    mean, S = these.means[j], these.covariances[j]
    values, vectors = eigh(S)
    step = APART * np.sqrt(values[-1]) * vectors[:, -1]
    half = S - np.outer(step, step)
    return divided(these, j, np.full(2, 0.5), [mean - step, mean + step], [half, half])


def twin(these, j):
    """Component j twice, with half of its weight each: the same density, with one component more."""
    w, m, S = these
    weights = np.append(w, w[j] / 2)
    weights[j] /= 2
    return Gaussians(weights, np.vstack([m, m[j]]), np.concatenate([S, S[j : j + 1]]))


def pooled(these, i, j):
    """Mean (d,) and covariance matrix (d, d) of two components taken together."""
    w, m, S = these
    share = w[i] / max(w[i] + w[j], TINY)
    gap = m[i] - m[j]
    mean = share * m[i] + (1 - share) * m[j]
    return mean, share * S[i] + (1 - share) * S[j] + share * (1 - share) * gap * gap[:, None]


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
