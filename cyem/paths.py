"""From one mixture to the next: into another structure, one component more, one component less. No pass over samples.

All of these go through moments: the Gaussians that a mixture is to resemble are summed up as samples would be, and the
M-step of the structure makes of that what is nearest to it (in the sense of Kullback and Leibler).
"""

from copy import copy
from typing import NamedTuple

import numpy as np

from . import blas
from .covariance.base import eigh
from .statistics import Statistics

TINY = np.finfo(float).tiny
BLOCK = 1 << 14  # samples at a time: memory does not grow with their number
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


def split(these, j):
    """Component j cut in two across its first axis, with the mean and the covariances of the whole."""
    w, m, S = these
    values, vectors = eigh(S[j])
    step = APART * np.sqrt(values[-1]) * vectors[:, -1]
    half = S[j] - np.outer(step, step)
    return Gaussians(
        np.concatenate([np.delete(w, j), [w[j] / 2, w[j] / 2]]),
        np.concatenate([np.delete(m, j, axis=0), [m[j] - step, m[j] + step]]),
        np.concatenate([np.delete(S, j, axis=0), [half, half]]),
    )


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


class Look(NamedTuple):
    """What the responsibilities of the samples say of a mixture."""

    classification: float  # sum of log max_k r_k
    entropy: float  # sum of -sum_k r_k log r_k
    misfit: np.ndarray  # (k,): how far a component is from normal along its first axis
    overlap: np.ndarray  # (k, k): cosine between the responsibilities of two components; zero on the diagonal


def look(mixture, parameters):
    """One pass over the samples, in blocks of rows.

    Notes
    -----
    The misfit is the statistic of Jarque and Bera (1980), n (skewness^2 / 6 + excess^2 / 24), of the samples projected
    on the first axis and weighted by their responsibilities; by the overlaps Ueda et al. (2000) merge.
    """
    _, means, S = gaussians(parameters)
    values, vectors = eigh(S)
    axes = vectors[:, :, -1] / np.sqrt(values[:, -1:])
    parts = (sums(block, parameters.density, axes, (axes * means).sum(axis=1)) for block in blocks(mixture.samples))
    totals, powers, products = map(sum, zip(*parts, strict=True))
    masses = np.maximum(powers[0], TINY)
    skewness, excess = powers[3] / masses, powers[4] / masses - 3
    norms = np.sqrt(np.maximum(np.diagonal(products), TINY))
    overlap = products / (norms * norms[:, None])
    np.fill_diagonal(overlap, 0)
    unit = mixture.samples.total / powers[0].sum()
    return Look(*(unit * totals).tolist(), masses * (skewness**2 / 6 + excess**2 / 24), overlap)


def blocks(samples):
    """The same samples, some at a time."""
    for begin in range(0, len(samples.X), BLOCK):
        block = copy(samples)
        block.X, block.weights = (array[begin : begin + BLOCK] for array in (samples.X, samples.weights))
        yield block


def sums(samples, density, axes, offsets):
    """Over samples: log max r and entropy (2,), r z^p for p of 0 to 4 (5, k), products of responsibilities (k, k)."""
    resp = samples.responsibilities(density).astype(np.float64, copy=False)
    weighted = resp * samples.weights[:, None] if len(samples.weights) else resp
    logs = np.log(np.where(resp > 0, resp, 1))
    highest = np.log(resp.max(axis=1))
    totals = np.array([highest @ samples.weights if len(samples.weights) else highest.sum(), -np.vdot(weighted, logs)])
    z = blas.times((samples.X - samples.coordinates[0]) * samples.coordinates[1], axes.T) - offsets
    powers, power = np.empty((5, len(axes))), weighted
    for p in range(5):
        powers[p] = power.sum(axis=0)
        power = power * z
    return totals, powers, blas.gram(weighted, resp)
