"""From one maximum of the likelihood to a better one: two components become one, and another one becomes two.

Each move is made where it promises most: the pair whose merging costs little likelihood, the component that two explain
much better than one (Ueda, Nakano, Ghahramani & Hinton 2000 move in the same way by other criteria). A few iterations
of EM follow, and the move stands if likelihood was gained that data support. Nothing in it is random.
"""

import time
from typing import Any, NamedTuple

import numpy as np

from ..families.paths import Gaussians, gaussians, merged, pooled, statistics
from . import driver

ITERATIONS = 5  # of EM after a move
SPLIT_TRIAL = 2  # passes of EM on the samples of one component from either start of a split
SPLIT_ITERATIONS = 1  # and from the better one
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

    run: driver.Run
    end: Any  # the parameters that it leads to
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
    covariances: np.ndarray = None  # (2, d, d), (2, d) or (2,)


def briefly(mixture, start):
    """EM after a move of a search on the way: a few iterations."""
    run, = driver.short_runs(mixture, [start], tol=TOL, iterations=ITERATIONS)
    return run


def patiently(mixture, start):
    """EM after a move where a fit that has converged is to be beaten."""
    return driver.short_run(mixture, start, tol=TOL, iterations=PATIENT)


def improve(mixture, run, support, *, moves, failures, promise, climb=briefly, deadline=np.inf):
    """Move from maximum to maximum for as long as that gains.

    Parameters
    ----------
    mixture : Problem
    run : driver.Run
        Where to begin: near a maximum, for promises hold there.
    support : Support
        What says which of two mixtures is better.
    moves : int
        The most moves to try.
    failures : int
        Attempts in a row without gain after which to stop.
    promise : float
        Share of the cost of a merger that the split has to promise; the iterations of EM that follow may bring more.
    climb : callable
        EM from the statistics of a move: (mixture, statistics) -> driver.Run.
    deadline : float
        The value of time.monotonic() at which to stop.

    Returns
    -------
    Search
        Its run is `run` itself where nothing gained.
    """
    k = len(run.statistics.about)
    accepted = tried = failed = 0
    splits, refused, these, here = {}, set(), None, mixture.update(run.statistics).parameters
    if k == 1 or len(mixture.samples.X) * k > LARGEST:
        return Search(run, here, 0, 0)
    while tried < moves and failed < failures and time.monotonic() < deadline:
        if these is None:
            these, resp = gaussians(here), mixture.samples.responsibilities(here.density)
            mergers = possible_mergers(mixture, these, resp)
            splits |= best_splits(mixture, these, [j for j in range(k) if j not in splits], resp)
        chosen = most_promising(mergers, splits, refused, promise, GAIN * mixture.samples.mass)[: moves - tried]
        if not chosen:
            break
        tried += len(chosen)
        new = climb(mixture, moved(mixture, these, chosen, splits))
        there = support.gained(run, here, new, SLIGHT)
        if there is not None:
            changed = strayed(these, new.statistics.means)
            changed[[i for move in chosen for i in move]] = True
            splits = {j: split for j, split in splits.items() if not changed[j]}
            run, here, these, refused = new, there, None, set()
            accepted, failed = accepted + len(chosen), 0
        else:
            refused.update(chosen)
            failed += 1
    return Search(run, here, accepted, tried)


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


def possible_mergers(mixture, these, resp):
    """What it costs to do with one component less, for each component in several ways: from the least loss on."""
    losses = mixture.samples.mergers(these, resp, mixture.structure.moments, NEIGHBOURS)
    return sorted(Merger(loss, i, m) for i, row in enumerate(losses.tolist()) for m, loss in enumerate(row)
                  if i <= m and loss < np.inf)


def best_splits(mixture, these, which, resp):
    """Two components that explain best what each of some does: {component: Split}."""
    found = mixture.samples.splits(
        these, resp, which, mixture.family.untied, mixture.structure, tol=TOL, trial=SPLIT_TRIAL,
        iterations=SPLIT_ITERATIONS, owned=OWNED, enough=LOOK, least=LEAST)
    return {j: Split(float(gain), *two) for j, gain, *two in zip(which, *found, strict=True)}


def moved(mixture, these, moves, splits):
    """The moments after moves: a merger frees a place, which one half of another component takes."""
    weights, means, C = (array.copy() for array in these)
    for i, m, j in moves:
        if i != m:
            means[m], C[m] = pooled(these, i, m)
            weights[m] += weights[i]
        whole, (_, *halves) = weights[j], splits[j]
        for place, share, mean, matrix in zip((j, i), *halves, strict=True):
            weights[place], means[place], C[place] = share * whole, mean, matrix
    return statistics(mixture, Gaussians(weights / weights.sum(), means, C))


def united(these, merger):
    """One component less."""
    _, i, m = merger
    if i != m:
        return merged(these, i, m)
    w, means, C = (np.delete(array, i, axis=0) for array in these)
    return Gaussians(w / w.sum(), means, C)


def strayed(these, means):
    """Which components (k,) have left their means so far that they need a new look."""
    return (abs(means - these.means) > STRAYED * these.deviations).any(axis=1)
