"""Peaks of the density of a mixture, and where to look for them: formulas.

All peaks and passes of a mixture of two components lie on its ridge line, x(a) = [(1 - a) P_i + a P_j]^-1
[(1 - a) P_i m_i + a P_j m_j] for a from 0 to 1, with P the inverses of the covariances (Ray & Lindsay 2005, "The
topography of multivariate normal mixtures", theorem 1); so it is for t distributions, whose contours are the same
ellipsoids. Of more components the peaks that are found from means and from peaks on ridge lines are all that are known
to be; there is no bound on how many there may be (Améndola, Engström & Haase 2020, Information and Inference 9).
"""

from typing import NamedTuple

import numpy as np

POINTS = 33  # on a ridge line
NEAREST = 12  # components that one component is compared with
STEPS = 1000  # of a climb, at most
STILL = 1e-12  # the square of a last step, in standard deviations
SAME = 1e-4  # the square of the distance of peaks that are one
LEVEL = 1e-6  # of curvature, in units of that of the components: a peak may be as flat as that


class Hills(NamedTuple):
    """The components of a mixture."""

    means: np.ndarray  # (k, d)
    precisions: np.ndarray  # (k, d, d): inverses of covariances, of t distributions of scale matrices
    heights: np.ndarray  # (k,): logs of weights times densities at the means, but for a constant
    freedom: np.ndarray  # (k,): infinite where components are normal


class Place(NamedTuple):
    """What a mixture is like at some points (n, d)."""

    height: np.ndarray  # (n,): log-density, but for a constant
    gradient: np.ndarray  # (n, d)
    hessian: np.ndarray  # (n, d, d)
    pull: np.ndarray  # (n, d, d): A > 0 for which x + A^-1 gradient is never lower (the step of EM for the place)


def at(hills, x):
    """The log-density and its derivatives at points (n, d)."""
    P, (nu, d) = hills.precisions, (hills.freedom, x.shape[1])
    gap = hills.means - x[:, None]
    v = (gap[:, :, None] @ P)[:, :, 0]
    q = (gap * v).sum(axis=2)
    light = np.isinf(nu)
    finite = np.where(light, 1, nu)
    logs = hills.heights - np.where(light, q / 2, (finite + d) / 2 * np.log1p(q / finite))
    u, bend = np.where(light, 1, (finite + d) / (finite + q)), np.where(light, 0, 2 / (finite + q))
    top = logs.max(axis=1)
    r = np.exp(logs - top[:, None])
    total = r.sum(axis=1)
    r /= total[:, None]
    gradient = ((r * u)[:, :, None] * v).sum(axis=1)
    pull = np.tensordot(r * u, P, 1)
    outer = ((r * u * (u + bend))[:, :, None] * v).swapaxes(1, 2) @ v
    return Place(top + np.log(total), gradient, outer - pull - gradient[:, :, None] * gradient[:, None], pull)


def climbed(hills, x):
    """Points (n, d) where climbs from some points end: by Newton where that is a way up, else by EM."""
    x = x.copy()
    moving, here = np.arange(len(x)), at(hills, x)
    for _ in range(STEPS):
        step = np.linalg.solve(here.pull, here.gradient[:, :, None])[:, :, 0]
        newton = np.linalg.eigvalsh(here.hessian)[:, -1] < 0
        ahead = step.copy()
        ahead[newton] = -np.linalg.solve(here.hessian[newton], here.gradient[newton][:, :, None])[:, :, 0]
        there = at(hills, x[moving] + ahead)
        lower = ~(there.height >= here.height)
        if lower.any():
            ahead[lower] = step[lower]
            there = at(hills, x[moving] + ahead)
        x[moving] += ahead
        left = (ahead * (here.pull @ ahead[:, :, None])[:, :, 0]).sum(axis=1) > STILL
        moving, here = moving[left], Place(*(part[left] for part in there))
        if not len(moving):
            break
    return x


def peaks(hills):
    """The peaks of the density (m, d), the highest first."""
    starts = [hills.means]
    for i, others in near(hills.means, hills.precisions):
        for line in ridges(hills.means, hills.precisions, i, others):
            height = np.concatenate([[-np.inf], at(hills, line).height, [-np.inf]])
            starts.append(line[(height[1:-1] > height[:-2]) & (height[1:-1] >= height[2:])])
    found = climbed(hills, np.concatenate(starts))
    place = at(hills, found)
    L = np.linalg.inv(np.linalg.cholesky(place.pull))
    top = np.linalg.eigvalsh(L @ place.hessian @ L.swapaxes(1, 2))[:, -1]
    chosen = []
    for i in np.argsort(-place.height, kind="stable").tolist():
        gaps = found[chosen] - found[i]
        if top[i] <= LEVEL and not (((gaps @ place.pull[i]) * gaps).sum(axis=1) < SAME).any():
            chosen.append(i)
    return found[chosen]


def ridges(means, P, i, others):
    """Points on the ridge lines from a component to some others (number of these, POINTS, d)."""
    a = np.linspace(0, 1, POINTS)[:, None, None]
    here, there = P[i] @ means[i], (P[others] @ means[others][:, :, None])[:, None]
    both = (1 - a) * P[i] + a * P[others, None]  # for each of the others and each a
    return np.linalg.solve(both, (1 - a) * here[:, None] + a * there)[..., 0]


def near(means, P):
    """For each component but the last those after it that are near: each pair once."""
    k = len(means)
    near = np.ones((k, k), bool)
    if k - 1 > NEAREST:
        near[:] = False
        for i in range(k):
            gaps = means - means[i]
            squares = ((gaps[:, None, :] @ (P + P[i]))[:, 0] * gaps).sum(axis=1)
            squares[i] = np.inf
            near[i, np.argsort(squares, kind="stable")[:NEAREST]] = True
    near |= near.T
    return [(i, others) for i in range(k) if (others := [j for j in range(i + 1, k) if near[i, j]])]
