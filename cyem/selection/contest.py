"""The contest of several starts for one mixture: all go a few steps of EM, and the most promising to its end."""

import math
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from ..em import driver
from ..em.problem import Problem
from ..em.start import SHORT_TOL, subset
from ..em.support import Support
from ..families import paths
from ..families.covariance.base import exceeds
from ..families.gaussian import Gaussian
from ..notices import listed
from ..workers import Stopped
from .criteria import entropy

ROUNDS = (4, 6)  # iterations of EM after which runs are compared, on a part of many samples
LAST = 4  # the same on all of them
ENOUGH = 25  # samples for each component and feature in that part
FINALISTS = 2  # runs that go on to their end at most
OPTIMISM = 1.0  # a run goes on that could be the best with this many times the gain that its last steps promise
SLOWEST = 0.99  # rate at which gains are taken to shrink at most
CLOSE = 1e-3  # mean log-likelihood, and
NEAR = 0.1  # sizes of a component by which two mixtures may differ that EM takes to one place
SAME = 10.0  # times `tol` by which mean log-likelihoods of one optimum may differ
HANDFUL = 3  # times the d + 1 samples that span a volume
SMALL = 1 / 3  # of the size of the others


class Settings(NamedTuple):
    """What all contests have in common."""

    tol: float
    max_iter: int
    accelerate: bool
    n_init: int  # starts from seeds
    seed: int
    begin: Any = None  # function of (mixture, k, rng) that gives first parameters in place of the seeds
    points: tuple = ()  # (feature, value): values that so many samples hold that a component may be of no width there


class Found(NamedTuple):
    """The best mixture so far."""

    mixture: Any
    fit: driver.Fit
    value: float  # mean log-likelihood, in no frame
    entropy: float  # of the responsibilities
    spurious: str  # why it is no optimum to trust, or nothing
    arrivals: int  # how many starts ended here
    seconds: float

    @property
    def classification(self):
        """Sum over samples of the log of the largest responsibility."""
        samples = self.mixture.samples
        return self.fit.statistics.log_classification * samples.total / samples.mass


class Run(NamedTuple):
    """Where some starts are on their way."""

    statistics: Any  # of the last pass
    starts: int = 1  # how many have met here
    value: float = -np.inf  # mean log-likelihood of the parameters that were swept last
    parameters: Any = None  # their update, where it is known
    hope: float = np.inf  # what the value may come to
    fit: Any = None  # of a run that has come to its end; value and parameters are its own
    spurious: str = ""  # why that is no optimum to trust, or nothing

    @classmethod
    def ended(cls, fit, spurious, starts):
        """A run at its end."""
        return cls(fit.statistics, starts, fit.value, fit.parameters, fit.value, fit, spurious)


class Hopeless(Exception):
    """A run of EM has met the floor of variance, or lost a component."""


class Ordinary(Gaussian):
    """A family that gives up where a compiled M-step is not ordinary: at the floor of variance, or without weight."""

    def update(self, statistics, current=None, **how):
        found = super().update(statistics, current, **how)
        if self.closed is not None and found.held:
            raise Hopeless
        return found

    def _update(self, statistics, current, start, share):
        if self.closed is not None and not start:
            raise Hopeless
        return super()._update(statistics, current, start, share)


def explore(mixture, starts, incumbent, bounds, settings):
    """The best that EM finds from some starts, or the incumbent.

    Parameters
    ----------
    mixture : Problem
    starts : list of Statistics
    incumbent : Found or None
    bounds : list of Found
        Special cases of the mixture: what is found has no lower likelihood.
    settings : Settings

    Returns
    -------
    Found

    Raises
    ------
    ArithmeticError
        If the likelihood is not finite.
    Stopped
        If there is no time for more, and no incumbent.
    """
    begin, volume = perf_counter(), mixture.samples.log_volume
    old = [] if incumbent is None else [Run.ended(incumbent.fit, incumbent.spurious, incumbent.arrivals)]
    try:
        runs = trusted(mixture, [Run(start) for start in starts], old, bounds, settings)
    except Stopped:
        if not old:
            raise
        runs = old
    best = chosen(runs, highest(bounds) + volume, mixture)
    if not np.isfinite(best.value):
        raise ArithmeticError(f"the log-likelihood is {best.value}")
    arrivals = sum(run.starts for run in runs if abs(run.value - best.value) <= SAME * settings.tol)
    seconds = perf_counter() - begin + (incumbent.seconds if old else 0.0)
    if old and best.fit is incumbent.fit:
        return incumbent._replace(arrivals=arrivals, seconds=seconds)
    return Found(mixture, best.fit, best.value - volume, entropy(mixture.samples, best.parameters.density),
                 best.spurious, arrivals, seconds)


def trusted(mixture, starts, old, bounds, settings):
    """Runs at their end: of these one reaches the bounds, and is no spurious one if that can be had."""
    ordinary, volume = Problem(Ordinary.like(mixture.family), mixture.samples), mixture.samples.log_volume
    least = highest(bounds) + volume
    runs = contest(ordinary, starts, old, settings) or finish(mixture, starts[0], settings)
    if chosen(runs, least, mixture).spurious:  # a sane one may have lost to what turned out to be spurious
        runs += [run for start in starts for run in finish(ordinary, start, settings)]
    for bound in bounds:
        best = chosen(runs, least, mixture)
        if less(best.value, bound.value + volume, mixture):
            runs += finish(mixture, doubled(mixture, bound, len(best.parameters.weights)), settings)
    return runs


def contest(mixture, starts, old, settings):
    """Runs at their end: the old ones, and the most promising of new ones."""
    if not starts:
        return old
    part = sample(mixture, len(starts[0].statistics.about), settings.seed)
    there = old if part is mixture else [run._replace(value=part.value(part.sweep(run.parameters))) for run in old]
    new = starts
    for iterations in ROUNDS:
        there, new = advanced(part, there, new, iterations, settings)
        if len(new) + len(old) < 2:
            break
    ended = [run._replace(starts=other.starts) for run, other in zip(old, there, strict=True)]
    if part is not mixture and len(new) + len(old) > 1:
        ended, new = advanced(mixture, ended, new, LAST, settings)
    for run in new:
        sane = sum(not each.spurious for each in ended[len(old) :])
        if not meets(ended, run) and sane < FINALISTS and run.hope >= highest(ended) - settings.tol:
            ended += finish(mixture, run, settings)
    return ended


def sample(mixture, k, seed):
    """The problem for a part of the samples that is large enough to compare mixtures on: the same in every call."""
    return subset(mixture, ENOUGH * k * (mixture.n_features + 1), np.random.default_rng(seed))


def advanced(mixture, ended, runs, iterations, settings):
    """Some iterations later: those that meet go on as one, those without hope give up.

    Returns what has ended and those that go on, the best first.
    """
    ended, left, best = list(ended), [], highest(ended)
    for run in climbed(mixture, runs, min(iterations, settings.max_iter)):
        if run.hope < best - settings.tol:
            continue
        try:
            run = run._replace(parameters=mixture.update(run.statistics).parameters)
        except Hopeless:
            continue
        if not (meets(ended, run) or meets(left, run)):
            left.append(run)
            if run.value > best and not spurious(mixture, run.parameters, settings.points):
                best = run.value
    return ended, left


def climbed(mixture, runs, iterations):
    """The runs some iterations later, the best first, but for what degenerates."""
    if mixture.family.closed is None or not mixture.samples.at_once:
        later = [briefly(mixture, run.statistics, iterations) for run in runs]
    else:
        found = mixture.climb([run.statistics for run in runs], iterations, SHORT_TOL)
        later = [each and driver.Run(*each) for each in found]
    later = [Run(each.statistics, run.starts, each.value, hope=hope(each.last))
             for run, each in zip(runs, later, strict=True) if each]
    return sorted(later, key=lambda run: -run.value)


def briefly(mixture, statistics, iterations):
    """Where some iterations lead, one after the other; None for a run without hope."""
    try:
        return driver.short_run(mixture, statistics, tol=SHORT_TOL, iterations=iterations)
    except Hopeless:
        return None


def hope(last):
    """What a value may come to after the last three: gains are taken to go on shrinking as they do there."""
    if len(last) < 3:
        return np.inf
    before, gain = last[1] - last[0], last[2] - last[1]
    rate = min(max(gain / before, 0.0), SLOWEST) if before > 0 else SLOWEST
    return last[2] + OPTIMISM * gain * rate / (1 - rate)


def finish(mixture, run, settings):
    """The run at its end, in a list: an empty one if it degenerates."""
    try:
        parameters = run.parameters or mixture.update(run.statistics).parameters
        fit = driver.fit(mixture, parameters, tol=settings.tol, max_iter=settings.max_iter,
                     accelerate=settings.accelerate)
    except Hopeless:
        return []
    return [Run.ended(fit, spurious(mixture, fit.parameters, settings.points), run.starts)]


def highest(runs):
    """The highest value of what is not spurious."""
    return max((run.value for run in runs if not run.spurious), default=-np.inf)


def chosen(runs, least, mixture):
    """Of the runs that reach the least value and are not spurious the one that the data support most; else the best."""
    able = [run for run in runs if not (run.spurious or less(run.value, least, mixture))]
    if not able:
        return max(runs, key=lambda run: run.value)
    best, support = max(able, key=lambda run: run.value), Support(mixture, len(able[0].parameters.weights))
    return best if len(able) == 1 or support.sound(best.parameters) else max(able, key=support.worth)


def less(value, other, mixture):
    """Whether a mean log-likelihood is lower than another by more than rounding."""
    return value < other - 4 * mixture.resolution * max(1.0, abs(other))


def meets(others, run):
    """Whether a run is where one of the others is, which then counts its starts as well."""
    for i, other in enumerate(others):
        if near(run, other):
            others[i] = other._replace(starts=other.starts + run.starts)
            return True
    return False


def near(run, other):
    """Whether a run of EM is so near to another of a higher value that it ends where that does."""
    if not 0 <= other.value - run.value <= CLOSE:
        return False
    these, those = run.parameters, other.parameters
    k, d = those.means.shape
    gaps = np.linalg.norm(these.means[:, None] - those.means, axis=2)
    pairs = gaps.argmin(axis=1)
    size = np.exp(those.structure.log_det(those.factors, k, d) / -d)
    return (len(set(pairs.tolist())) == k and (gaps[np.arange(k), pairs] <= NEAR * size[pairs]).all()
            and (abs(these.weights - those.weights[pairs]) <= NEAR * those.weights[pairs]).all())


def doubled(mixture, found, k):
    """A special case as k components: EM leaves this saddle by itself, and never falls below it."""
    these = paths.moved(paths.gaussians(found.fit.parameters), found.mixture.frame, mixture.frame)
    while len(these.weights) < k:
        these = paths.twin(these, int(these.weights.argmax()))
    return Run(paths.statistics(mixture, these), starts=0)


def spurious(mixture, parameters, points=()):
    """Why the likelihood of a mixture is not to be trusted, in words; nothing where it may be.

    Where covariances differ, the likelihood has maxima without meaning: a component on a few samples that happen to lie
    close together, or on a line (McLachlan & Peel 2000, section 3.10). Called so are a component of next to no more
    width in some direction than the floor allows, and one with the weight of at most 3 (d + 1) samples whose size, the
    2d-th root of the determinant of its covariance matrix, is less than a third of the mean size of the others; but not
    where more than d + 1 samples lie together so far out that hardly one of all others' is to be expected there.

    points: pairs of a feature and a value that so many samples hold that a component of no width may be right there.
    """
    w, _, S = these = paths.gaussians(parameters)
    k, d = parameters.means.shape
    least = np.repeat(2 * d * mixture.family.floor[None], k, axis=0)
    S, known = widened(mixture, these, least, points) if points else (S, ())
    thin = np.flatnonzero(~exceeds(S, least))
    if len(thin):
        return f"no width in some direction: components {listed(thin)}"
    if k == 1:
        return ""
    size = np.exp(parameters.structure.log_det(parameters.factors, k, d) / -d)
    others = (w @ size - w * size) / np.maximum(1 - w, paths.TINY)
    few = np.flatnonzero((w * mixture.samples.total <= HANDFUL * (d + 1)) & (size < SMALL * others))
    few = [j for j in few.tolist() if j not in known and not far_out(mixture, these, j)]
    return f"on a handful of samples with little volume: components {listed(few)}" if few else ""


def far_out(mixture, these, j):
    """Whether a component has the samples to span a volume, and its mean is where hardly one of the others' would be.

    That far from a mean less than one sample in expectation lies of n, by a bound on chi-square's tail (Laurent &
    Massart 2000, Annals of Statistics 28, 1302-1338, lemma 1).
    """
    n, d, t = mixture.samples.total, these.means.shape[1], math.log(max(mixture.samples.total, 1.0))
    if these.weights[j] * n <= d + 1:
        return False
    others = np.delete(np.arange(len(these.means)), j)
    return these.distances(j, others).min() > d + 2 * math.sqrt(d * t) + 2 * t


def widened(mixture, these, least, points):
    """Covariances, as wide as can be where components are as thin as they may be at one of the points; and which are.

    least (k, d): up to which variances are next to none.
    """
    S, variances = these.covariances.copy(), these.variances
    known = set()
    for feature, value in points:
        at = mixture.frame.enter(np.where(np.arange(len(mixture.frame.units)) == feature, value, 0.0))[feature]
        near = (these.means[:, feature] - at) ** 2 <= least[:, feature]
        for j in np.flatnonzero(near & (variances[:, feature] <= least[:, feature])).tolist():
            known.add(j)
            if S.ndim == 3:
                S[j, feature] = S[j, :, feature] = 0.0
                S[j, feature, feature] = mixture.family.variances[feature]
            elif S.ndim == 2:
                S[j, feature] = mixture.family.variances[feature]
            elif S.shape == (len(these.means),) and len(variances[j]) == 1:
                S[j] = mixture.family.variances[feature]
    return S, sorted(known)
