"""From one maximum of the likelihood to a better one: two components become one, and another one becomes two.

Each move is made where it promises most: the pair whose merging costs little likelihood, the component that two explain
much better than one (Ueda, Nakano, Ghahramani & Hinton 2000 move in the same way by other criteria). A few iterations
of EM follow, and the move stands if likelihood was gained. Nothing in it is random.
"""

import time
from typing import NamedTuple

import numpy as np

from . import blas, em
from .covariance.base import eigh
from .paths import Gaussians, gaussians, pooled, statistics

ITERATIONS = 5  # of EM after a move
SPLIT_ITERATIONS = 4  # of EM on the samples of one component
NEIGHBOURS = 4  # of each component, with which it may merge
OWNED = 1e-3  # responsibility from which a sample counts as one of a component
LOOK = 50  # samples for each feature that are enough to see how a component splits
LEAST = 2  # samples for each feature that both halves need: fewer make a spurious peak of the likelihood
GAIN = 1e-4  # nats per sample that a split has to promise
TOL = 1e-4  # projected gain at which EM after a move is done
SURE = 2.0  # share of the cost of a merger for which a split is made beside others
STRAYED = 0.1  # standard deviations by which a mean moves before a component is looked at again
SLIGHT = 1e-5  # nats per sample: a gain that may be a return to the same maximum
PATIENT = 100  # iterations of EM after a move, where a fit that has converged is to be beaten
LARGEST = 2**23  # responsibilities that are kept at once; larger problems are left as they are


class Search(NamedTuple):
    """What a search found."""

    run: em.Run
    accepted: int  # moves that gained
    tried: int


class Merger(NamedTuple):
    """One component less: it goes into another, or (into = itself) leaves its samples to all others."""

    loss: float  # of the sum of log-likelihoods, about
    component: int
    into: int


class Split(NamedTuple):
    """Two components in the place of one."""

    gain: float  # of the sum of log-likelihoods, at least
    shares: np.ndarray = None  # (2,), which sum to 1
    means: np.ndarray = None  # (2, d)
    covariances: np.ndarray = None  # (2, d, d)


def briefly(mixture, start):
    """EM after a move of a search on the way: a few iterations."""
    run, = em.short_runs(mixture, [start], tol=TOL, iterations=ITERATIONS)
    return run


def patiently(mixture, start):
    """EM after a move where a fit that has converged is to be beaten."""
    return em.short_run(mixture, start, tol=TOL, iterations=PATIENT)


def improve(mixture, run, *, moves, failures, promise, climb=briefly, deadline=np.inf):
    """Move from maximum to maximum for as long as that gains.

    Parameters
    ----------
    mixture : Mixture
    run : em.Run
        Where to begin: near a maximum, for promises hold there.
    moves : int
        The most moves to try.
    failures : int
        Attempts in a row without gain after which to stop.
    promise : float
        Share of the cost of a merger that the split has to promise; the iterations of EM that follow may bring more.
    climb : callable
        EM from the statistics of a move: (mixture, statistics) -> em.Run.
    deadline : float
        The value of time.monotonic() at which to stop.

    Returns
    -------
    Search
        Its run is `run` itself where nothing gained.
    """
    k = len(run.statistics.about)
    accepted = tried = failed = 0
    splits, refused, here = {}, set(), None
    if k == 1 or len(mixture.samples.X) * k > LARGEST:
        return Search(run, 0, 0)
    while tried < moves and failed < failures and time.monotonic() < deadline:
        if here is None:
            here = mixture.update(run.statistics).parameters
            resp = mixture.samples.responsibilities(here.density)
            weights = mixture.samples.weights if len(mixture.samples.weights) else np.ones(len(resp), resp.dtype)
            mergers = possible_mergers(mixture, here, resp, weights)
            for j in range(k):
                if j not in splits:
                    splits[j] = best_split(mixture, here, j, resp[:, j] * weights)
        chosen = most_promising(mergers, splits, refused, promise, GAIN * mixture.samples.mass)[: moves - tried]
        if not chosen:
            break
        tried += len(chosen)
        new = climb(mixture, moved(mixture, here, chosen, splits))
        if new.value > run.value + SLIGHT:
            changed = strayed(here, new.statistics.means)
            changed[[i for move in chosen for i in move]] = True
            splits = {j: split for j, split in splits.items() if not changed[j]}
            run, here, refused = new, None, set()
            accepted, failed = accepted + len(chosen), 0
        else:
            refused.update(chosen)
            failed += 1
    return Search(run, accepted, tried)


def most_promising(mergers, splits, refused, promise, least):
    """The move (component, into, split) that gains most, and others beside it that are sure to gain."""
    sites = sorted(splits, key=lambda j: -splits[j].gain)
    found, touched = [], set()
    while True:
        best, most = None, -np.inf
        for j in sites:
            gain = splits[j].gain
            if j in touched or gain < least:
                continue
            for merger in mergers:  # from the least loss on
                if gain - merger.loss <= most or gain < (SURE if found else promise) * merger.loss:
                    break
                move = (*merger[1:], j)
                if j not in move[:2] and touched.isdisjoint(move) and move not in refused:
                    best, most = move, gain - merger.loss
                    break
        if best is None:
            return found
        found.append(best)
        touched.update(best)


def possible_mergers(mixture, parameters, resp, weights):
    """What it costs to do with one component less, for each component in several ways: from the least loss on."""
    w, k = parameters.weights, len(parameters.weights)
    total = weights.sum()
    # without a component, and without any change to the others
    rest = np.log(np.maximum(1 - resp, np.finfo(resp.dtype).eps**2))
    dropped = total * np.log1p(-np.minimum(w, 1 - 1e-12)) - np.einsum("n,nk->k", weights, rest)
    found = [Merger(float(loss), i, i) for i, loss in enumerate(dropped)]

    these = gaussians(parameters)
    C = these.covariances
    first, second = neighbours(parameters, C)
    _, covariances = pooled(these, first, second)
    own = w * (np.log(np.maximum(w, 1e-300)) - log_volume(mixture, C) / 2)
    both = w[first] + w[second]
    # responsibilities that two components share tell nothing that is lost: their entropy, from below
    shared = 4 * np.log(2) * blas.gram(resp * weights[:, None], resp)[first, second]
    losses = own[first] + own[second] - both * (np.log(both) - log_volume(mixture, covariances) / 2)
    losses = total * losses + shared
    found += [Merger(float(loss), int(i), int(m)) for loss, i, m in zip(losses, first, second, strict=True)]
    return sorted(found) if k > 1 else []


def neighbours(parameters, C):
    """Pairs of components (two arrays of indices): each with those whose means are nearest in its own metric."""
    k = len(C)
    gaps = parameters.means - parameters.means[:, None]
    distances = np.einsum("ima,ima->im", gaps, np.linalg.solve(C, gaps.swapaxes(1, 2)).swapaxes(1, 2))
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1, kind="stable")[:, : min(NEIGHBOURS, k - 1)]
    pairs = {tuple(sorted(pair)) for pair in zip(np.repeat(np.arange(k), near.shape[1]).tolist(), near.ravel().tolist(),
                                                 strict=True)}
    return tuple(np.array(sorted(pairs), int).reshape(-1, 2).T)


def best_split(mixture, parameters, j, resp):
    """Two components that explain best what component j does, from its halves, or from its core and its shell."""
    rows = np.flatnonzero(resp > OWNED)
    mass, d = float(resp[rows].sum()), parameters.means.shape[1]
    if mass < 2 * (LEAST * d + 1):
        return Split(-np.inf)
    rows = rows[:: max(1, len(rows) // (LOOK * (d + 1)))]
    part = mixture.subset(rows, resp[rows])
    mean, C = parameters.means[j], gaussians(parameters).covariances[j]
    alone = statistics(part, Gaussians(np.ones(1), mean[None], C[None]))
    before = part.value(part.sweep(part.update(alone).parameters))
    values, axes = eigh(C)
    step = 0.8 * np.sqrt(values[-1]) * axes[:, -1]  # as far as the halves of a normal distribution are from its mean
    half = C - np.outer(step, step)
    halves = Gaussians(np.array([1, 1]) / 2, np.array([mean - step, mean + step]), np.array([half, half]))
    shells = Gaussians(np.array([2, 1]) / 3, np.array([mean, mean]), np.array([C / 2, 2 * C]))
    begin = [statistics(part, each) for each in (halves, shells)]
    best = max(em.short_runs(part, begin, tol=TOL, iterations=SPLIT_ITERATIONS), key=lambda run: run.value)
    two = part.update(best.statistics).parameters
    if two.weights.min() * mass < LEAST * d + 1:
        return Split(-np.inf)
    return Split(mass * (best.value - before), two.weights, two.means, gaussians(two).covariances)


def moved(mixture, parameters, moves, splits):
    """The moments after moves: a merger frees a place, which one half of another component takes."""
    these = gaussians(parameters)
    weights, means, C = (array.copy() for array in these)
    for i, m, j in moves:
        if i != m:
            mean, covariance = pooled(these, [i], [m])
            weights[m], means[m], C[m] = weights[i] + weights[m], mean[0], covariance[0]
        _, shares, *two = splits[j]
        weights[[j, i]], means[[j, i]], C[[j, i]] = shares * weights[j], *two
    return statistics(mixture, Gaussians(weights / weights.sum(), means, C))


def log_volume(mixture, C):
    """log det of what the moments of the structure see of covariance matrices (m, d, d)."""
    variances = np.diagonal(C, axis1=1, axis2=2)
    if mixture.structure.moments == "squares":
        return np.log(variances).sum(axis=1)
    if mixture.structure.moments == "norms":
        return C.shape[1] * np.log(variances.mean(axis=1))
    return np.linalg.slogdet(C)[1]


def strayed(parameters, means):
    """Which components (k,) have left their means so far that they need a new look."""
    deviations = np.sqrt(np.diagonal(gaussians(parameters).covariances, axis1=1, axis2=2))
    return (abs(means - parameters.means) > STRAYED * deviations).any(axis=1)
