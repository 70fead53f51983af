"""Mixtures of normal distributions: their parameters, the M-step, and the coordinates in which EM may leap."""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..kernels import linalg
from ..lazy import cached_property
from ..rows.samples import MOMENTS, Density
from ..rows.statistics import Statistics
from .covariance import structure as structure_named
from .covariance.base import AT, Estimate
from .paths import expected, gaussians

UNUSUAL, _, HELD = range(len(linalg.OUTCOMES))
EMPTY = 1e-12  # share of all weight below which a component owns nothing to estimate it from
UNTIED = {"scatter": "full", "pooled": "tied", "squares": "diag", "norms": "spherical"}
COINCIDENT = 0.02  # symmetric Kullback-Leibler divergence below which two components do the work of one


EACH = "weights", "means", "constants", "covariances", "factors"


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
    def arrays(self):
        """All of these by name, to be `restored` by a family: the block where there is one, else each."""
        if self.block is not None:
            return {"block": self.block}
        return {"block": None, **{name: getattr(self, name) for name in EACH}}

    @property
    def packed(self):
        """All of these in one vector."""
        if self.block is not None:
            return self.block
        scratch = np.zeros(self.means.size + len(self.weights))
        arrays = self.weights, self.means, self.constants, self.covariances, self.factors, scratch
        return np.concatenate([array.ravel() for array in arrays])

    def taken(self, structure, places, weights, ratio):
        """Some components, maybe several times, in a structure that allows as much, and units 1 / ratio (d,) as large.

        The frames have one reference.
        """
        own, shape = self.structure, (len(places), self.means.shape[1])
        covariances = structure.scaled(structure.like(own.taken(self.covariances, places), own, *shape), ratio)
        return Parameters(structure, weights, self.means[places] * ratio, covariances, structure.factors(covariances))

    def inside(self, frame, other):
        """The same mixture in the coordinates of another frame."""
        ratio = frame.units / other.units
        return Parameters(self.structure, self.weights, other.enter(frame.leave(self.means)),
                          self.structure.scaled(self.covariances, ratio),
                          self.structure.scaled_factors(self.factors, ratio))

    @property
    def density(self):
        """The same mixture in evaluation form."""
        return Density(self.structure.density, self.means, self.structure.pack(self.factors), self.constants,
                       self.weights, self.covariances)


class Update(NamedTuple):
    """What an M-step gives."""

    parameters: Parameters
    empty: tuple = ()  # components without weight, which kept their means
    held: tuple = ()  # components that would be thinner than the floor
    bold: Parameters | None = None  # further than the M-step, and better or not


class Gaussian:
    """Formulas of a mixture of normal distributions whose covariances have a structure and a floor.

    Parameters
    ----------
    structure : Structure
    variances : ndarray of shape (d,)
        Those of the features, in the frame of the data.
    floor : ndarray of shape (d,)
        The least variance of a component in any direction is diag(floor).
    eps : float
        Rounding of the samples.
    equal_weights : bool
        Whether every component has the weight 1 / k.

    Attributes
    ----------
    closed : ClosedForm or None
        The M-step, where it is compiled.
    moments : str
        The kind of second moments that an M-step needs.
    """

    free = True  # whether all of these are found from samples
    noisy = False  # whether samples may be of no component
    heavy = False  # whether tails are heavier than normal ones

    def __init__(self, structure, variances, floor, eps, equal_weights=False):
        self.structure, self.variances, self.floor, self.eps = structure, variances, floor, eps
        self.equal_weights = equal_weights
        self.moments = structure.moments
        closed = structure.closed_form(floor, eps)
        self.closed = closed.with_equal_weights() if closed and equal_weights else closed

    @classmethod
    def like(cls, family):
        """The same structure, floor and weights."""
        return cls(family.structure, family.variances, family.floor, family.eps, family.equal_weights)

    @property
    def told(self):
        """What it is told besides structure, variances, floor and weights."""
        return {}

    def over(self, variances, floor):
        """The same formulas for features of other variances, and another floor."""
        return type(self)(self.structure, variances, floor, self.eps, self.equal_weights, **self.told)

    def restored(self, k, kept):
        """Parameters of k components from their arrays; kept.array(name, shape) gives each, if it has this shape."""
        d = len(self.floor)
        if kept["block"] is not None:
            return Parameters.unpack(self.structure, kept.array("block", (block_size(self, k, d),)), k, d)
        own = Parameters.__new__(Parameters)
        own.structure, own.block, shape = self.structure, None, self.structure.shape(k, d)
        for name, its in zip(EACH, ((k,), (k, d), (k,), shape, shape), strict=True):
            setattr(own, name, kept.array(name, its))
        return own

    @staticmethod
    def seen(rows, frame, variances):
        """The frame for samples, the variances of the features in it, and what the floor is relative to (d,).

        rows: what is `looked` at of them, X (n, d) and weights (n,) or None, tells more.
        """
        return frame, variances, variances

    @property
    def engine(self):
        """The M-step as calls know it that make many iterations; None where there are none."""
        return self.closed

    @property
    def normal(self):
        """The family in which starts are looked for: normal distributions of which nothing more is known."""
        return self if type(self) is Gaussian else Gaussian.like(self)

    def adopt(self, normal, more=None):
        """Where to begin from normal components; more: what is known of the parameters that these do not have."""
        return normal

    def ways(self, normal):
        """Several places to begin at from normal components."""
        return [self.adopt(normal)]

    def ordered(self, start, weights, factors):
        """A start whose components nothing has named, in the order that suits what is given; see `Held`."""
        return start

    def keep(self, new, old):
        """New parameters, but for what has to stay as it was in the old ones."""
        return new

    def penalty(self, parameters):
        """What is added to the sum of log-likelihoods: the log density of a prior, where there is one."""
        return 0.0

    def remarks(self, parameters):
        """What is to be said of a fit besides: one line each."""
        return []

    def packed(self, parameters):
        """Parameters as one vector, as calls take them that make many iterations."""
        return parameters.packed

    def unpack(self, block, k, d):
        """The parameters that such a vector is."""
        return Parameters.unpack(self.structure, block, k, d)

    def density(self, parameters):
        """The mixture in evaluation form."""
        return parameters.density

    def update(self, statistics, current=None, *, start=False, share, n_threads=1):
        """The M-step: the parameters of greatest expected log-likelihood.

        Where they have to be searched for, a few steps from the current ones will do: the next M-step goes on with it.
        start: whether the statistics are provisional, so that those it begins at will do. share: a function of k, the
        covariances of components that own nothing.
        """
        if self.closed is not None and not (start and self.structure.cautious):
            found = compiled(self.structure, self.closed, statistics, current, n_threads)
            if found is not None:
                return self._no_worse(found, statistics, current) if found.held else found
        return self._update(statistics, current, start, share)

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

    def _update(self, statistics, current, start, share):
        """The M-step of any structure, whatever the statistics are."""
        masses, total = statistics.masses, statistics.masses.sum()
        empty = masses <= EMPTY * total
        shares = np.where(empty, EMPTY * total, masses)
        means = np.where(empty[:, None], statistics.about, statistics.means)
        moments = statistics.second, shares, means - statistics.about, self.floor, self.eps
        found = self.structure.start(*moments) if start else self.structure.estimate(*moments, current)
        if empty.any():
            others = share(len(masses))
            found = Estimate(self.structure.exchange(found.covariances, others, empty), found.held)
        weights = np.full(len(masses), 1 / len(masses)) if self.equal_weights else masses / total
        parameters = Parameters.of(self.structure, weights, means, found)
        return Update(parameters, places(empty), places(found.held & ~empty))

    def expected(self, parameters, frame):
        """What samples drawn from a mixture sum up to, by the mixture itself: the M-step gives this mixture."""
        return expected(gaussians(parameters), self.moments, frame)

    def rebased(self, statistics, old, new):
        """Sums of passes at old parameters, as the update from new ones takes them."""
        return statistics

    def single(self, statistics, structure=None):
        """One component for all samples, from their statistics; if another structure is given, a normal one of that."""
        structure, s = self.structure if structure is None else structure, statistics
        closed = structure.closed_form(self.floor, self.eps)
        found = None if closed is None else compiled(structure, closed, s)
        if found is not None:
            normal = found.parameters
        else:
            estimate = structure.estimate(s.second, s.masses, s.means - s.about, self.floor, self.eps)
            normal = Parameters.of(structure, np.ones(1), s.means, estimate)
        return self.adopt(normal) if structure is self.structure else normal

    @cached_property
    def untied(self):
        """The M-step of components that share nothing but what their moments share."""
        return structure_named(UNTIED[self.structure.moments]).closed_form(self.floor, self.eps)

    def coordinates(self, parameters):
        """Parameters as one vector in which nothing depends on units; every vector is a mixture.

        Logarithms of weights, means in standard deviations, and factors as logarithms of their diagonals and the rest
        relative to these. No weight may be zero.
        """
        scale = self.scale
        if parameters.block is not None:
            x = np.empty(linalg.coordinates_size(*parameters.means.shape, MOMENTS[self.moments]))
            linalg.coordinates(parameters.block, scale, x, k=len(parameters.weights), moments=MOMENTS[self.moments])
            return x
        factors = self.structure.unfold(self.structure.scaled_factors(parameters.factors, 1 / scale))
        return np.concatenate([np.log(parameters.weights), (parameters.means / scale).ravel(), factors])

    def at(self, coordinates, like):
        """The parameters at given coordinates."""
        scale = self.scale
        k, d = like.means.shape
        if self.closed is not None:
            block = np.empty(block_size(self, k, d))
            linalg.at(coordinates, scale, block, k=k, moments=MOMENTS[self.moments])
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
        return self.update(Statistics(np.concatenate(sums), means), like, share=None).parameters

    def held(self, parameters):
        """The components that are at the floor, in some direction."""
        touching = self.structure.touching(parameters.covariances, parameters.factors, self.floor, self.eps)
        return places(np.broadcast_to(touching, len(parameters.weights))) if np.count_nonzero(touching) else ()

    def admits(self, parameters):
        """Whether no component is thinner than the floor."""
        return not self.structure.below(parameters.covariances, parameters.factors, self.floor / AT).any()

    def inflation(self, parameters):
        """How many times larger than without correlations rounding errors of a squared distance get, in the mean."""
        return self.structure.inflation(parameters.covariances, parameters.factors)

    def gaussians(self, parameters):
        """The components as normal distributions, between which splits and mergers move."""
        return gaussians(parameters)

    def separate(self, parameters, axis):
        """Parameters in which components that coincide are moved apart along an axis (d,); None where none do.

        Components with the same parameters stay equal under EM: a saddle of the likelihood that looks like a maximum.
        axis: a function without arguments.
        """
        groups = coincident(parameters)
        if not groups:
            return None
        means, axis = parameters.means.copy(), axis()
        own = gaussians(parameters)
        for group in groups:
            step = np.linspace(-1, 1, len(group)) * own.deviation(group[0], axis)
            means[group] += step[:, None] * axis
        return parameters.replace(means=means)

    @cached_property
    def scale(self):
        """Standard deviations of the features (d,), or one for all where these share a unit."""
        variances = np.full_like(self.variances, self.variances.mean()) if self.structure.one_unit else self.variances
        return np.sqrt(variances)

    @property
    def deviations(self):
        """What features are divided by for distances between samples (d,): one for all where components are round."""
        return np.sqrt(np.full_like(self.variances, self.variances.mean()) if self.structure.round else self.variances)


def block_size(family, k, d):
    """Length of the vector that k components of d features make up, as compiled M-steps leave them."""
    return linalg.block_size(k, d, MOMENTS[family.moments])


def compiled(structure, closed, statistics, current=None, n_threads=1):
    """The M-step where it is compiled; None where something is out of the ordinary."""
    k, d = statistics.about.shape
    block = np.empty(linalg.block_size(k, d, MOMENTS[structure.moments]))
    begin = block[:0] if current is None else current.packed
    outcome = linalg.m_step(closed, statistics.buffer, statistics.about, begin, block, n_threads=n_threads)
    if outcome == UNUSUAL:
        return None
    held = places(block[-k:] == HELD) if outcome == HELD else ()
    return Update(Parameters.unpack(structure, block, k, d), (), held)


def places(where):
    """The indices at which a boolean array is true."""
    return tuple(np.flatnonzero(where).tolist())


def least_variances(X, frame, variances, structure):
    """The least variances (d,) of which the inverse roots are numbers of the type of X.

    Raises
    ------
    ValueError
        If the range of that type has no place for what a fit needs.
    """
    info = np.finfo(X.dtype)
    low, high = np.fmin.reduce(X, axis=0), np.fmax.reduce(X, axis=0)  # of what was observed
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
