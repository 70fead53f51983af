"""A Gaussian mixture as EM sees it: a sweep gives the statistics of parameters, an update improves them."""

import math
from copy import copy
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..families.covariance import simplest
from ..families.covariance import structure as structure_named
from ..families.covariance.base import AT, Estimate, eigh, part
from ..families.paths import gaussians
from ..kernels import linalg
from ..lazy import cached_property
from ..rows.pruning import enough
from ..rows.samples import CONVERGED, LOST, MOMENTS, STATE, Density, Frame, Samples, one, operations
from ..rows.statistics import Statistics
from . import driver

UNUSUAL, _, HELD = range(len(linalg.OUTCOMES))
EMPTY = 1e-12  # share of all weight below which a component owns nothing to estimate it from
COARSE = 1e-2  # relative error of the smallest variances from which on they are not known well enough
TOGETHER = 10**8  # operations (some 50 ms) that iterations in one call may take
UNTIED = {"scatter": "full", "pooled": "tied", "squares": "diag", "norms": "spherical"}
SQUARE = 128  # features up to which a matrix of them is little for any structure
COINCIDENT = 0.02  # symmetric Kullback-Leibler divergence below which two components do the work of one


class Parameters:
    """Weights, means and covariances of k components, in the coordinates of a frame; never changed.

    Parameters
    ----------
    structure : Structure
    weights : ndarray of shape (k,)
    means : ndarray of shape (k, d)
    covariances : ndarray
        In the shape of the structure.
    factors : ndarray
        U with Sigma^-1 = U U', likewise.
    constants : ndarray of shape (k,)
        Log-joint densities at the means.
    block : ndarray or None
        All of these in one vector, as compiled M-steps leave them.
    """

    __slots__ = ("block", "constants", "covariances", "factors", "means", "structure", "weights")

    def __init__(self, structure, weights, means, covariances, factors):
        self.structure = structure
        self.weights = weights
        self.means = means
        self.covariances = covariances
        self.factors = factors
        k, d = means.shape
        with np.errstate(divide="ignore"):  # a weight of zero is a constant of -inf
            self.constants = np.log(weights) + structure.log_det(factors, k, d) - d / 2 * np.log(2 * np.pi)
        self.block = None

    @classmethod
    def of(cls, structure, weights, means, estimate):
        """Parameters from an estimate of covariances; ValueError where one of these is not positive definite."""
        covariances, _, factors = estimate
        factors = structure.factors(covariances) if factors is None else factors
        if factors is None:
            raise ValueError("a covariance matrix is not positive definite")
        return cls(structure, weights, means, covariances, factors)

    @classmethod
    def unpack(cls, structure, block, k, d):
        """Parameters from a block, as compiled M-steps leave them."""
        self = cls.__new__(cls)
        self.structure, self.block = structure, block
        shape = structure.shape(k, d)
        size = math.prod(shape)
        self.weights = block[:k]
        self.means = block[k : k + k * d].reshape(k, d)
        at = 2 * k + k * d
        self.constants = block[k + k * d : at]
        self.covariances = block[at : at + size].reshape(shape)
        self.factors = block[at + size : at + 2 * size].reshape(shape)
        return self

    def replace(self, weights=None, means=None):
        """The same but for other weights or means."""
        return Parameters(self.structure, self.weights if weights is None else weights,
                          self.means if means is None else means, self.covariances, self.factors)

    @property
    def packed(self):
        """All of these in one vector."""
        if self.block is not None:
            return self.block
        scratch = np.zeros(self.means.size + len(self.weights))
        arrays = self.weights, self.means, self.constants, self.covariances, self.factors, scratch
        return np.concatenate([array.ravel() for array in arrays])

    @property
    def density(self):
        """The same mixture in evaluation form."""
        return Density(self.structure.density, self.means, self.structure.pack(self.factors), self.constants)


class Update(NamedTuple):
    """What an M-step gives."""

    parameters: Parameters
    empty: tuple = ()  # components without weight, which kept their means
    held: tuple = ()  # components that would be thinner than the floor


class Mixture:
    """The problem of fitting one mixture to one data set.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    weights : ndarray of shape (n,) or None
        All positive.
    structure : Structure
        The one that is asked for; fits are made in the simplest that is the same model.
    reg_covar : float
        The least variance of a component in any direction, relative to the variance of each feature.
    n_threads : int or None
    equal_weights : bool
        Whether every component has the weight 1 / k.

    Attributes
    ----------
    structure : Structure
        That of all parameters here.
    frame : Frame
        Centred on the weighted mean, in units near the standard deviations.
    closed : ClosedForm or None
        The M-step, where it is compiled.
    resolution : float
        Relative rounding error of a mean log-likelihood; smaller gains mean nothing.
    """

    def __init__(self, X, weights, structure, reg_covar, n_threads, equal_weights=False):
        self.structure = structure = simplest(structure, X.shape[1])
        self.equal_weights = equal_weights
        self.frame, self.variances, ordinary = locate(X, weights, structure.one_unit)
        self.samples = Samples(X, weights, self.frame, n_threads)
        self.eps = np.finfo(X.dtype).eps
        self.floor = max(reg_covar, (16 * self.eps) ** 2) * self.variances
        if not ordinary:
            self.floor = np.maximum(self.floor, least_variances(X, self.frame, self.variances, structure))
        closed = structure.closed_form(self.floor, self.eps)
        self.closed = closed._replace(equal_weights=True) if closed and equal_weights else closed
        self.moments = MOMENTS[structure.moments]
        self.resolution = resolution(X.dtype)

    def sweep(self, parameters):
        """One pass over the samples."""
        return self.samples.sweep(parameters.density, self.structure.moments)

    def value(self, statistics):
        """Mean log-likelihood, in the frame, of the parameters that were swept."""
        return statistics.log_likelihood / self.samples.mass

    def update(self, statistics, current=None, start=False):
        """The M-step: the parameters of greatest expected log-likelihood.

        Where they have to be searched for, a few steps from the current ones will do: the next M-step goes on with it.
        start: whether the statistics are provisional, so that those it begins at will do.
        """
        if self.closed is not None and not (start and self.structure.cautious):
            n_threads = self.samples.threads(len(statistics.about), self.structure)
            found = compiled(self.structure, self.closed, statistics, current, n_threads)
            if found is not None:
                return self._no_worse(found, statistics, current) if found.held else found
        return self._update(statistics, current, start)

    def _no_worse(self, found, statistics, current):
        """What a compiled M-step found at the floor, as `Structure.no_worse` has it."""
        parameters, masses = found.parameters, statistics.masses
        S = self.structure.sample(statistics.second, masses, statistics.means - statistics.about)
        estimate = Estimate(parameters.covariances, np.ones(len(masses), bool), parameters.factors)
        better = self.structure.no_worse(estimate, S, masses, self.floor, current)
        if better is estimate:
            return found
        kept = Parameters(self.structure, parameters.weights, parameters.means, better.covariances, better.factors)
        return found._replace(parameters=kept)

    def _update(self, statistics, current, start):
        """The M-step of any structure, whatever the statistics are."""
        masses, total = statistics.masses, statistics.masses.sum()
        empty = masses <= EMPTY * total
        shares = np.where(empty, EMPTY * total, masses)
        means = np.where(empty[:, None], statistics.about, statistics.means)
        moments = statistics.second, shares, means - statistics.about, self.floor, self.eps
        found = self.structure.start(*moments) if start else self.structure.estimate(*moments, current)
        if empty.any():
            others = self.share(len(masses))
            found = Estimate(self.structure.exchange(found.covariances, others, empty), found.held)
        weights = np.full(len(masses), 1 / len(masses)) if self.equal_weights else masses / total
        parameters = Parameters.of(self.structure, weights, means, found)
        return Update(parameters, places(empty), places(found.held & ~empty))

    def climb(self, starts, iterations, tol):
        """Several runs of plain EM in one call, each from the statistics of some pass.

        A run ends after some iterations, or where the gain still to come is at most `tol`. Returns the value and the
        statistics at the end of each; None for one that met anything out of the ordinary.
        """
        if self.closed is None:
            return [None] * len(starts)
        return self.samples.climb(starts, iterations, self.closed, self.structure, tol)

    @cached_property
    def untied(self):
        """The M-step of components that share nothing but what their moments share."""
        return structure_named(UNTIED[self.structure.moments]).closed_form(self.floor, self.eps)

    def ascent(self, point, **how):
        """EM from a point as `driver.Ascent` takes it, compiled; None where that cannot be, or would prune no pass."""
        if self.closed is None or enough(len(self.samples.X), len(point.parameters.weights)):
            return None
        return Ascent(self, point, **how)

    def coordinates(self, parameters):
        """Parameters as one vector in which nothing depends on units; every vector is a mixture.

        Logarithms of weights, means in standard deviations, and factors as logarithms of their diagonals and the rest
        relative to these. No weight may be zero.
        """
        scale = self.scale
        if parameters.block is not None:
            x = np.empty(linalg.coordinates_size(*parameters.means.shape, self.moments))
            linalg.coordinates(parameters.block, scale, x, k=len(parameters.weights), moments=self.moments)
            return x
        factors = self.structure.unfold(self.structure.scaled_factors(parameters.factors, 1 / scale))
        return np.concatenate([np.log(parameters.weights), (parameters.means / scale).ravel(), factors])

    def at(self, coordinates, like):
        """The parameters at given coordinates."""
        scale = self.scale
        k, d = like.means.shape
        if self.closed is not None:
            block = np.empty(linalg.block_size(k, d, self.moments))
            linalg.at(coordinates, scale, block, k=k, moments=self.moments)
            there = Parameters.unpack(self.structure, block, k, d)
            return self.nearest(there, like) if self.structure.curved else there
        weights, means, factors = np.split(coordinates, [k, k + k * d])
        weights = np.exp(weights - weights.max())
        factors = self.structure.fold(factors, k, d, self.structure.scaled(like.covariances, 1 / scale))
        factors = self.structure.scaled_factors(factors, scale)
        return Parameters(self.structure, weights / weights.sum(), means.reshape(k, d) * scale,
                          self.structure.covariances(factors), factors)

    def nearest(self, parameters, like):
        """The parameters nearest to such as have led out of the structure: the M-step of samples drawn from these."""
        w, means, S = parameters.weights, parameters.means, parameters.covariances
        sums = [np.zeros(2), w, np.zeros(means.size), (S.T * w).T.ravel()]
        return self.update(Statistics(np.concatenate(sums), means), like).parameters

    def given(self, resp):
        """Statistics of given responsibilities (n, k)."""
        origin = np.zeros((resp.shape[1], self.samples.X.shape[1]))
        s = self.samples.accumulate(resp, origin, "none")  # first the means, so that moments are about them
        return self.samples.accumulate(resp, s.means, self.structure.moments)

    def assign(self, resp):
        """Where to start from given responsibilities (n, k): the M-step, whose search is left to what follows."""
        return self.update(self.given(resp), start=True)

    def assign_to(self, centres):
        """The same from the partition of the samples by the nearest of given centres (k, d)."""
        return self.update(self.partitions(centres[None])[0], start=True)

    def partitions(self, centres):
        """Statistics of partitions by the nearest of given centres (runs, k, d), in standardised features."""
        return self.samples.partitions(centres, 1 / self.deviations, self.structure.moments)

    def begin(self, uniform, looked, whitens):
        """Statistics of partitions by the nearest of samples far from each other.

        uniform (runs, k, candidates): random numbers. looked: the rows among which samples are looked for, or none for
        all. whitens: whether distances are by turns those in which the samples have no correlations, where that is
        within what the structure asks for: a matrix of all features is more than components without matrices cost.
        """
        d = len(self.floor)
        whitens = whitens and not self.structure.round and (self.structure.square or d <= SQUARE)
        return self.samples.begin(uniform, looked, self.deviations, self.floor, part(d, self.eps),
                                  self.structure.moments, whitens)

    def held(self, parameters):
        """The components that are at the floor, in some direction."""
        touching = self.structure.touching(parameters.covariances, parameters.factors, self.floor, self.eps)
        return places(np.broadcast_to(touching, len(parameters.weights))) if np.count_nonzero(touching) else ()

    def admits(self, parameters):
        """Whether no component is thinner than the floor."""
        return not self.structure.below(parameters.covariances, parameters.factors, self.floor / AT).any()

    def rounding(self, parameters):
        """Relative error of the mean log-likelihood that rounding of covariances makes, as far as it can be known."""
        return min(self.resolution * self._inflation(parameters), math.sqrt(self.resolution))

    def coarse(self, parameters):
        """Whether the precision of the samples hardly tells how thin components are, and there is a better one."""
        return self.samples.single and self.eps * self._inflation(parameters) > COARSE

    def _inflation(self, parameters):
        return self.structure.inflation(parameters.covariances, parameters.factors)

    def finer(self):
        """The same problem with sums in double precision; None where they are that."""
        if not self.samples.single:
            return None
        finer = copy(self)
        finer.samples = self.samples.double()
        finer.resolution = resolution(finer.samples.dtype)
        return finer

    @cached_property
    def scale(self):
        """Standard deviations of the features (d,), or one for all where these share a unit."""
        variances = np.full_like(self.variances, self.variances.mean()) if self.structure.one_unit else self.variances
        return np.sqrt(variances)

    @property
    def deviations(self):
        """What features are divided by for distances between samples (d,): one for all where components are round."""
        return np.sqrt(np.full_like(self.variances, self.variances.mean()) if self.structure.round else self.variances)

    def subset(self, rows, weights=None):
        """The same problem for some of the samples, with their own or other weights, in the same frame."""
        part = copy(self)
        part.samples = self.samples.part(rows, weights)
        return part

    @cached_property
    def whole(self):
        """The best single component."""
        return self._single(self.structure)

    @cached_property
    def axis(self):
        """The direction (d,) in which the samples vary most; in many features, in which a part of them does."""
        X, d = self.samples.X, len(self.floor)
        if self.structure.square or d <= SQUARE:
            return eigh(self._single(structure_named("full")).covariances[0])[1][:, -1]
        Z = self.frame.enter(X[:: -(-len(X) // SQUARE)].astype(np.float64))
        Z -= Z.mean(axis=0)
        axis = eigh(Z @ Z.T)[1][:, -1] @ Z
        return axis / (np.linalg.norm(axis) or 1.0)

    def _single(self, structure):
        samples, moments = self.samples, structure.moments
        s = samples.scatter if moments == "scatter" else samples.sweep(one(samples.X.shape[1]), moments)
        closed = structure.closed_form(self.floor, self.eps)
        found = None if closed is None else compiled(structure, closed, s)
        if found is not None:
            return found.parameters
        found = structure.estimate(s.second, s.masses, s.means - s.about, self.floor, self.eps)
        return Parameters.of(structure, np.ones(1), s.means, found)

    def share(self, k):
        """The covariances of k components with a k-th of the volume of the whole each."""
        return self.structure.common(self.whole.covariances, k) * k ** (-2 / self.samples.X.shape[1])

    def reseed(self, parameters, empty):
        """Components without weight get a fair share of it, around the samples that the others explain least."""
        empty = list(empty)
        worst = np.argsort(self.samples.score_samples(parameters.density), kind="stable")[: len(empty)]
        means, weights = parameters.means.copy(), parameters.weights.copy()
        means[empty[: len(worst)]] = self.frame.enter(self.samples.X[worst].astype(np.float64))
        weights[empty] = 1 / len(weights)
        return parameters.replace(weights=weights / weights.sum(), means=means)

    def part(self, parameters):
        """Parameters in which components that coincide are moved apart; None where none do.

        Components with the same parameters stay equal under EM: a saddle of the likelihood that looks like a maximum.
        """
        groups = coincident(parameters)
        if not groups:
            return None
        means = parameters.means.copy()
        own = gaussians(parameters)
        for group in groups:
            step = np.linspace(-1, 1, len(group)) * own.deviation(group[0], self.axis)
            means[group] += step[:, None] * self.axis
        return parameters.replace(means=means)


def compiled(structure, closed, statistics, current=None, n_threads=1):
    """The M-step where it is compiled; None where something is out of the ordinary."""
    k, d = statistics.about.shape
    moments = MOMENTS[structure.moments]
    block = np.empty(linalg.block_size(k, d, moments))
    begin = block[:0] if current is None else current.packed
    outcome = linalg.m_step(
        statistics.buffer, statistics.about, closed.floor, begin, block, moments=moments, ties=closed.ties,
        part=closed.part, equal_weights=closed.equal_weights, n_threads=n_threads,
    )
    if outcome == UNUSUAL:
        return None
    held = places(block[-k:] == HELD) if outcome == HELD else ()
    return Update(Parameters.unpack(structure, block, k, d), (), held)


class Ascent:
    """EM from a point, many iterations in one call as long as these are ordinary: what `driver.Ascent` does.

    Attributes
    ----------
    stride : int
        Iterations at a time, so that Ctrl-C does not wait for long.
    gain : float
        Of the last update.
    lost : bool
        Whether the next one would lose likelihood; the point is that before it.
    """

    lost = False

    def __init__(self, mixture, point, done, tol, walk):
        k, d = point.parameters.means.shape
        self.mixture = mixture
        self.statistics = Statistics(point.statistics.buffer.copy(), point.statistics.about.copy())
        self.blocks = np.empty((2, linalg.block_size(k, d, mixture.moments)))
        self.blocks[0] = point.parameters.packed
        self.state = np.zeros(STATE)
        self.state[0] = done
        self.how = dict(tol=tol, walk=walk, resolution=mixture.resolution)
        self.stride = min(driver.STRIDE, 1 + TOGETHER // operations(len(mixture.samples.X), k, d))
        self.gain = np.inf

    def go(self, iterations):
        """So many iterations at most: the values after each, and whether this is the end.

        Fewer come back, without an end, where something out of the ordinary is to happen.
        """
        mixture, values = self.mixture, np.empty(iterations)
        done, outcome, self.gain = mixture.samples.ascend(
            self.blocks, self.statistics, self.state, values, mixture.closed, mixture.structure, mixture.scale,
            **self.how,
        )
        self.lost = outcome == LOST
        return values[:done].tolist(), outcome == CONVERGED

    @property
    def point(self):
        """Where it is."""
        buffer, about = self.statistics.buffer.copy(), self.statistics.about.copy()
        block = self.blocks[0].copy()
        parameters = Parameters.unpack(self.mixture.structure, block, *about.shape)
        if self.lost:  # the statistics are those beyond
            return driver.look(self.mixture, parameters)
        return driver.Point(parameters, Statistics(buffer, about), self.mixture.value(self.statistics))


def resolution(dtype):
    """Relative rounding error of a mean log-likelihood from samples of a type."""
    return np.finfo(dtype).eps * (4 if dtype == np.float64 else 1 / 4)


def places(where):
    """The indices at which a boolean array is true."""
    return tuple(np.flatnonzero(where).tolist())


def locate(X, weights, one_unit):
    """A frame for X, the weighted variance of each feature in it (1 for a constant one), and whether both are ordinary.

    They are not where something comes near the end of the range of the type of X: see `least_variances`.
    """
    reference, units, variances = np.empty((3, X.shape[1]))
    ordinary = linalg.locate(X, np.empty(0) if weights is None else weights, reference, units, variances,
                  np.empty((4, X.shape[1])), one_unit=one_unit)
    return Frame(reference, units), variances, ordinary


def least_variances(X, frame, variances, structure):
    """The least variances (d,) of which the inverse roots are numbers of the type of X.

    Raises
    ------
    ValueError
        If the range of that type has no place for what a fit needs.
    """
    info = np.finfo(X.dtype)
    low, high = X.min(axis=0), X.max(axis=0)
    halves = high / 2 - low / 2
    if (halves > info.max / 2).any():
        i = int(halves.argmax())
        raise ValueError(f"Column {i} of X, counted from 0, is from {low[i]:.3g} to {high[i]:.3g}, and differences "
                         f"like that are beyond the range of {X.dtype}: divide it by 4, for example.")
    deviations = np.where(high > low, np.sqrt(variances) * frame.units, 0)
    narrow = deviations.max() if structure.one_unit else deviations
    if ((narrow > 0) & (narrow < info.tiny)).any():
        i = int(np.where(deviations > 0, deviations, np.inf).argmin())
        raise ValueError(f"Column {i} of X, counted from 0, has a standard deviation of {deviations[i]:.3g}, the "
                         f"inverse of which is beyond the range of {X.dtype}: multiply it by 1e30, for example.")
    if structure.one_unit and not structure.round and (variances < 1e-280).any():
        i, j = int(variances.argmin()), int(deviations.argmax())
        raise ValueError(f"Columns {i} and {j} of X, counted from 0, have standard deviations of {deviations[i]:.3g} "
                         f"and {deviations[j]:.3g}, which are too far apart for the covariance structure "
                         f"{structure.name!r}: it measures all features in one unit. Change the unit of one of them.")
    return (info.tiny / frame.units) ** 2


def coincident(parameters):
    """Groups (lists of indices) of components that do not differ, by the symmetric Kullback-Leibler divergence.

    Looked at are pairs whose means are close along each feature: the divergence of two distributions is at least that
    of what one feature shows of them, (1 / v_i + 1 / v_j) gap^2 / 2 and more.
    """
    _, d = parameters.means.shape
    # a divergence of c between components allows their log det Sigma^(-1/2) a difference of sqrt(d c / 2)
    triples = enumerate(zip(parameters.constants.tolist(), parameters.weights.tolist(), strict=True))
    volumes = sorted((constant - math.log(weight), j) for j, (constant, weight) in triples if weight > 0)
    alike = [pair for pair in pairwise(volumes) if pair[1][0] - pair[0][0] <= math.sqrt(d * COINCIDENT / 2)]
    if not alike:
        return []
    these = gaussians(parameters)
    places = np.array(sorted({j for pair in alike for _, j in pair}))
    means, variances = these.means[places], these.variances[places]
    feature = ((means.max(axis=0) - means.min(axis=0)) ** 2 / variances[0]).argmax()
    order = np.argsort(means[:, feature], kind="stable")
    places, means, variances = places[order], means[order], variances[order]
    along = means[:, feature]
    ends = np.searchsorted(along, along + np.sqrt(2 * COINCIDENT * variances[:, feature]), side="right")
    groups, grouped = [], np.zeros(len(places), bool)
    for first in np.flatnonzero(ends > np.arange(1, len(places) + 1)):
        if grouped[first]:
            continue
        others = first + 1 + np.flatnonzero(~grouped[first + 1 : ends[first]])
        gaps = (means[others] - means[first]) ** 2 / variances[first]
        others = others[gaps.max(axis=1, initial=0) < 2 * COINCIDENT]
        same = others[these.divergences(places[first], places[others]) < COINCIDENT] if len(others) else others
        if len(same):
            grouped[same] = True
            groups.append(sorted([int(places[first]), *places[same].tolist()]))
    return groups
