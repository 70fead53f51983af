"""A problem: a family and rows, which is all that EM sees. A sweep gives statistics, an update improves parameters.

Of rows of which only a part is known, sweeps give what the statistics of complete ones are expected to be. Starts are
looked for among complete ones, with a draw in the place of what was not observed.
"""

import math

import numpy as np

from ..families.covariance import simplest
from ..families.covariance import structure as structure_named
from ..families.covariance.base import Estimate, eigh, part
from ..families.gaussian import Gaussian, Parameters, least_variances
from ..families.priors import Posterior, Prior
from ..lazy import cached_property
from ..rows.arrays import given
from ..rows.pruning import enough
from ..rows.samples import one
from ..rows.views import NOTHING_ELSE
from . import driver
from .compiled import Ascent

COARSE = 1e-2  # relative error of the smallest variances from which on they are not known well enough
ROUGHLY = dict(tol=1e-3, max_iter=30)  # how well the component is known that fills in what was not observed
SQUARE = 128  # features up to which a matrix of them is little for any structure


class Problem:
    """A family to be fitted to samples; never changed.

    Parameters
    ----------
    family : Gaussian
        Or another with the same methods: what a mixture is.
    samples : Samples, Views or Chunks
        Where data live, and how sums are taken over them: complete rows, such of which a part is known, or rows
        that are not in one place in memory.

    Attributes
    ----------
    structure : Structure
    frame : Frame
        Centred on the weighted mean, in units near the standard deviations.
    n_features : int
    resolution : float
        Relative rounding error of a mean log-likelihood; smaller gains mean nothing.
    """

    def __init__(self, family, samples):
        self.family, self.samples = family, samples
        self.structure, self.frame, self.n_features = family.structure, samples.frame, len(family.floor)
        self.resolution = resolution(samples.dtype)

    @classmethod
    def of(cls, family, X, weights, structure, reg_covar, n_threads, equal_weights=False, known=NOTHING_ELSE, rng=None,
           **how):
        """The problem of fitting a family to X (n, d), with weights (n,) that are all positive, or None.

        structure: the one that is asked for; fits are made in the simplest that is the same model. reg_covar: the least
        variance of a component in any direction, relative to that of each feature as the family sees it. known: what is
        known of rows besides X, in which NaN stands for what was not observed. rng: source of what is drawn of rows
        that are not in memory. how: what else the family is to be told.
        """
        structure = simplest(structure, X.shape[1])
        rows = given(X, weights, known, rng)
        frame, variances, ordinary = rows.locate(structure.one_unit)
        frame, variances, spread = family.seen(rows, frame, variances)
        eps = np.finfo(X.dtype).eps
        floor = max(reg_covar, (16 * eps) ** 2) * spread
        if not ordinary:
            floor = np.maximum(floor, least_variances(rows.extremes, frame, variances, structure))
        made = family(structure, variances, floor, eps, equal_weights, **how)
        return cls(made, rows.rows(frame, n_threads))

    @property
    def at_hand(self):
        """The problem for rows in memory that stand for all of them: a random part, or this one."""
        here = self.samples.at_hand
        return self if here is self.samples else Problem(self.family, here)

    @cached_property
    def filled(self):
        """Complete samples: what was not observed is drawn from what it may be if all are of one normal component.

        Of rows that are not in memory, and not complete, it is the part at hand that is filled in.
        """
        if self.samples.complete:
            return self.samples
        here = self.at_hand
        return here.samples.drawn(here._one_component().density)

    @cached_property
    def simple(self):
        """The problem in which starts are looked for: that of normal components and complete samples; maybe this."""
        here = self.filled.at_hand
        return self if self.family.normal is self.family and here is self.samples else Problem(self.family.normal, here)

    def drawn(self, parameters):
        """The same problem with what was not observed drawn from a mixture; this one where all is observed.

        Of rows that are not in memory it is that of the part at hand.
        """
        here = self.at_hand
        return here if here.samples.complete else Problem(self.family, here.samples.drawn(parameters.density))

    def _one_component(self):
        """One normal component with the covariances of all samples, as far as these can be had."""
        d = self.n_features
        structure = structure_named("full" if d <= SQUARE else "diag")
        family = Gaussian(structure, self.family.variances, self.family.floor, self.family.eps)
        whole = np.diag(family.variances)[None] if structure.square else family.variances[None]
        first = Parameters.of(structure, np.ones(1), np.zeros((1, d)), Estimate(whole, np.zeros(1, bool)))
        return driver.fit(Problem(family, self.samples), first, **ROUGHLY).parameters

    def beside(self, prior):
        """The same problem beside a prior."""
        return Problem(Posterior.beside(self.family, prior), self.samples)

    def sweep(self, parameters):
        """One pass over the samples."""
        return self.samples.sweep(self.family.density(parameters), self.family.moments)

    def value(self, statistics):
        """Mean log-likelihood, in the frame, of the parameters that were swept."""
        return statistics.log_likelihood / self.samples.mass

    def objective(self, statistics, parameters):
        """What EM climbs: the mean log-likelihood of the parameters that were swept, and what the family adds to it."""
        return self.value(statistics) + self.family.penalty(parameters) / self.samples.total

    def rows_for_each(self, k):
        """How many rows there are for each free parameter of the covariances of k components."""
        return self.samples.n_effective / self.structure.n_parameters(k, self.n_features)

    def weak_prior(self, k, **how):
        """What the data suggest of k components before any look at where these are; how: as `Prior.weak` has it."""
        return Prior.weak(self.structure, k, self.whole, **how)

    def update(self, statistics, current=None, start=False):
        """The M-step, as the family has it."""
        n_threads = self.samples.threads(len(statistics.about), self.structure)
        return self.family.update(statistics, current, start=start, share=self.share, n_threads=n_threads)

    def rounding(self, parameters):
        """Relative error of the mean log-likelihood that rounding of covariances makes, as far as it can be known."""
        return min(self.resolution * self.family.inflation(parameters), math.sqrt(self.resolution))

    def coarse(self, parameters):
        """Whether the precision of the samples hardly tells how thin components are, and there is a better one."""
        return self.samples.single and self.family.eps * self.family.inflation(parameters) > COARSE

    def finer(self):
        """The same problem with sums in double precision; None where they are that."""
        return Problem(self.family, self.samples.double()) if self.samples.single else None

    def subset(self, rows, weights=None):
        """The same problem for some of the samples, with their own or other weights, in the same frame."""
        return Problem(self.family, self.samples.part(rows, weights))

    def climb(self, starts, iterations, tol):
        """Several runs of plain EM in one call, each from the statistics of some pass.

        A run ends after some iterations, or where the gain still to come is at most `tol`. Returns the value and the
        statistics at the end of each; None for one that met anything out of the ordinary.
        """
        if self.family.engine is None or self.family.noisy or not self.samples.at_once:
            return [None] * len(starts)
        return self.samples.climb(starts, iterations, self.family.engine, self.structure, tol)

    def ascent(self, point, **how):
        """EM from a point as `driver.Ascent` takes it, compiled; None where that cannot be, or would prune no pass."""
        if (self.family.engine is None or not self.samples.at_once
                or enough(len(self.samples.X), len(point.parameters.weights))):
            return None
        return Ascent(self, point, **how)

    def points(self, rows=slice(None)):
        """Complete samples in the frame (m, d), in double precision: all, or some by their places."""
        return self.frame.enter(self.filled.at_hand.X[rows].astype(np.float64))

    def given(self, resp):
        """Statistics of given responsibilities (n, k)."""
        origin = np.zeros((resp.shape[1], self.n_features))
        s = self.filled.accumulate(resp, origin, "none")  # first the means, so that moments are about them
        return self.filled.accumulate(resp, s.means, self.family.moments)

    def assign(self, resp):
        """Where to start from given responsibilities (n, k): the M-step, whose search is left to what follows."""
        return self.update(self.given(resp), start=True)

    def assign_to(self, centres):
        """The same from the partition of the samples by the nearest of given centres (k, d)."""
        return self.update(self.partitions(centres[None])[0], start=True)

    def partitions(self, centres):
        """Statistics of partitions by the nearest of given centres (runs, k, d), in standardised features."""
        return self.filled.partitions(centres, 1 / self.family.deviations, self.family.moments)

    def clusters(self, centres, iterations, tol):
        """The same after so many iterations of k-means, or less where they gain no more than a share of tol."""
        return self.filled.at_hand.partitions(centres, 1 / self.family.deviations, self.family.moments, iterations, tol)

    def begin(self, uniform, looked, whitens):
        """Statistics of partitions by the nearest of samples far from each other.

        uniform (runs, k, candidates): random numbers. looked: the rows among which samples are looked for, or none for
        all. whitens: whether distances are by turns those in which the samples have no correlations, where that is
        within what the structure asks for: a matrix of all features is more than components without matrices cost.
        """
        d = self.n_features
        whitens = whitens and not self.structure.round and (self.structure.square or d <= SQUARE)
        return self.filled.begin(uniform, looked, self.family.deviations, self.family.floor, part(d, self.family.eps),
                                  self.family.moments, whitens)

    @cached_property
    def whole(self):
        """The best single component."""
        return self._single(self.structure)

    @cached_property
    def axis(self):
        """The direction (d,) in which the samples vary most; in many features, in which a part of them does."""
        d = self.n_features
        if self.structure.square or d <= SQUARE:
            return eigh(self._single(structure_named("full")).covariances[0])[1][:, -1]
        Z = self.points(slice(None, None, -(-len(self.filled.at_hand.X) // SQUARE)))
        Z -= Z.mean(axis=0)
        axis = eigh(Z @ Z.T)[1][:, -1] @ Z
        return axis / (np.linalg.norm(axis) or 1.0)

    def _single(self, structure):
        samples, moments = self.filled, structure.moments
        s = samples.scatter if moments == "scatter" else samples.sweep(one(self.n_features), moments)
        return self.family.single(s, structure)

    def share(self, k):
        """The covariances of k components with a k-th of the volume of the whole each."""
        return self.structure.common(self.whole.covariances, k) * k ** (-2 / self.n_features)

    def reseed(self, parameters, empty):
        """Components without weight get a fair share of it, around the samples that the others explain least."""
        empty, here = list(empty), self.at_hand
        worst = np.argsort(here.samples.score_samples(self.family.density(parameters)), kind="stable")[: len(empty)]
        means, weights = parameters.means.copy(), parameters.weights.copy()
        means[empty[: len(worst)]] = here.points(worst)
        weights[empty] = 1 / len(weights)
        return self.family.keep(parameters.replace(weights=weights / weights.sum(), means=means), parameters)

    def part(self, parameters):
        """Parameters in which components that coincide are moved apart; None where none do."""
        return self.family.separate(parameters, lambda: self.axis)


def resolution(dtype):
    """Relative rounding error of a mean log-likelihood from samples of a type."""
    return np.finfo(dtype).eps * (4 if dtype == np.float64 else 1 / 4)
