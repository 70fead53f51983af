"""Conjugate priors for means and covariances, and mixtures of normal distributions that are fitted beside one.

The prior of component k is that of Fraley & Raftery (2007, Journal of Classification 24, 155-181), normal for the mean
given the covariance matrix, inverse Wishart for that matrix, or inverse gamma for the variances that there are to it:

    -2 log p(mu_k, Sigma_k) = m log |Sigma_k| + tr(Scale Sigma_k^-1) + shrinkage (mu_k - mean)' Sigma_k^-1 (mu_k - mean)

but for a constant; m is dof + d + 2 for matrices, dof + 3 for each variance of an axis-parallel component, and
(dof + d + 2) / d of a round one, of which Scale has the trace. So a prior counts like samples: m of them in the weight
of log |Sigma_k|, `shrinkage` of them at `mean`, and scatter `Scale`. The M-step of any structure from sums with these
added is the one of greatest posterior density. Where all components have the same matrix (EII, EEI, EEE) there is one
Scale for all; in other structures each component has its own, also where matrices share volume, shape or axes. For VII,
VVI, EEE and VVV fits end where those of R's mclust 6.0.0 do (`tests/test_priors.py`). Its M-steps for EII (without the
scale), EEI (means are not shrunk), EVI, EEV (degrees of freedom once for all components, a scale for each), VEI (a d-th
of them) and VEV (none) are others, and end at lower densities of this prior.
"""

import math
import numbers
from copy import copy
from typing import NamedTuple

import numpy as np

from ..rows.statistics import TINY, Statistics, crossed
from .covariance.base import precision_factors
from .gaussian import EMPTY, Gaussian, places
from .paths import gaussians

SHRINKAGE = 0.01  # samples at the mean of all that the prior of a mean is worth


class Told(NamedTuple):
    """What a user tells of a prior, in the units of the data; None is left to these."""

    shrinkage: float = SHRINKAGE
    mean: np.ndarray | None = None  # (d,)
    dof: float | None = None
    scale: np.ndarray | None = None  # (d, d), (d,) or ()

    @classmethod
    def of(cls, prior):
        """What the parameter `prior` of an estimator stands for.

        Raises
        ------
        ValueError
            For anything but "weak" or a dict of these names, and for numbers that are none of a prior.
        """
        if isinstance(prior, str) and prior == "weak":
            return cls()
        if not isinstance(prior, dict) or not set(prior) <= set(cls._fields):
            raise ValueError(f"The 'prior' parameter must be None, 'weak' or a dict of {', '.join(cls._fields)}, one "
                             f"or several. Got {prior!r} instead.")
        told = cls(**prior)
        shrinkage = number("shrinkage", told.shrinkage)
        dof = None if told.dof is None else number("dof", told.dof)
        if not shrinkage >= 0:
            raise ValueError(f"prior={prior!r}: shrinkage must be >= 0, the number of samples that the prior of a mean "
                             "counts as.")
        if told.mean is not None and not shrinkage:
            raise ValueError(f"prior={prior!r}: mean counts for nothing with shrinkage=0: leave it away, or give a "
                             f"shrinkage > 0, such as {SHRINKAGE}.")
        return cls(shrinkage, *(each if each is None else array(name, each) for name, each in
                                (("mean", told.mean), ("dof", dof), ("scale", told.scale))))

    def inside(self, structure, k, whole, frame):
        """The prior of k components in a frame; `whole` is the best single component there, of the structure.

        Raises
        ------
        ValueError
            For what does not fit the data: other shapes, too few degrees of freedom, a scale that is not positive
            definite.
        """
        weak, d = Prior.weak(structure, k, whole), len(frame.units)
        least = d - 1 if structure.square else 0
        if self.dof is not None and not self.dof > least:
            raise ValueError(f"prior: dof={float(self.dof):g} must be > {least} for {d} features and the covariance "
                             f"structure {structure.name!r}; the default is {d + 2}.")
        if self.mean is not None and self.mean.shape != (d,):
            raise ValueError(f"prior: mean must have shape {(d,)}, one value for each feature, got {self.mean.shape}.")
        mean = weak.mean if self.mean is None else frame.enter(self.mean)
        scale = weak.scale if self.scale is None else self._scale_inside(structure, frame)
        return Prior(structure, k, mean, scale, self.shrinkage, None if self.dof is None else float(self.dof))

    def _scale_inside(self, structure, frame):
        """The scale as far as the structure looks at it."""
        scale, d = self.scale, len(frame.units)
        if scale.shape not in ((), (d,), (d, d)):
            raise ValueError(f"prior: scale must be a number, or have shape {(d,)} or {(d, d)}, got {scale.shape}.")
        definite = (scale > 0).all()
        if scale.ndim == 2:
            definite = np.allclose(scale, scale.T, rtol=1e-7) and precision_factors(scale[None]) is not None
        if not definite:
            raise ValueError(f"prior: scale must be {'symmetric and positive definite' if scale.ndim == 2 else '> 0'}, "
                             f"as covariances are, got {scale.tolist()}.")
        if structure.square:
            full = scale if scale.ndim == 2 else np.eye(d) * scale
            return full / frame.units / frame.units[:, None]
        variances = (np.diagonal(scale) if scale.ndim == 2 else np.broadcast_to(scale, d)) / frame.units**2
        return variances.mean() if structure.round else variances


def number(name, value):
    """A number that is told of a prior."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"prior: {name} must be a number, got {value!r}.")
    return value


def array(name, values):
    """Numbers that are told of a prior, as an array."""
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.array(np.nan)
    if not np.isfinite(found).all():
        raise ValueError(f"prior: {name} must be an array of finite numbers, got {values!r}.")
    return found


class Prior:
    """A conjugate prior for k components of a structure, in the coordinates of a frame.

    Parameters
    ----------
    structure : Structure
    k : int
    mean : ndarray of shape (d,)
    scale : ndarray
        As far as the structure looks at matrices: (d, d), variances (d,) or one variance.
    shrinkage : float
        How many samples at `mean` it is worth.
    dof : float or None
        Degrees of freedom; None: d + 2, the least of which the mean is finite.
    """

    def __init__(self, structure, k, mean, scale, shrinkage=SHRINKAGE, dof=None):
        d = len(mean)
        dof = d + 2 if dof is None else dof
        self.structure, self.mean, self.shrinkage, self.dof, self.scale = structure, mean, shrinkage, dof, scale
        own = (dof + 2) / d if structure.round else dof + d + 1 if structure.square else dof + 2
        one = "V" not in structure.code  # matrix for all
        self.masses = np.full(k, own / k if one else own) + (shrinkage > 0)
        share = 1 / k if one and structure.moments != "pooled" else 1.0
        copies = 1 if structure.moments == "pooled" else k
        self.second = np.repeat(np.asarray(scale)[None] * share, copies, axis=0).ravel()
        self.sample = structure.sample(self.second, self.masses, np.zeros((k, d)))
        # the greatest density is where covariances are those of the prior itself
        mode = self.sample if structure.moments == "pooled" else self.sample[0]
        log_det = np.linalg.slogdet(mode)[1] if structure.square else np.log(mode).sum() * (d if structure.round else 1)
        self.least = self.masses.sum() * (d + log_det)

    @classmethod
    def weak(cls, structure, k, whole, shrinkage=SHRINKAGE):
        """The one that data themselves suggest: `whole` is the best single component, of which k have a share each."""
        mean, = whole.means
        return cls(structure, k, mean, gaussians(whole).covariances[0] * k ** (-2 / len(mean)), shrinkage)

    def as_one_sample(self):
        """The same, counted as much as one sample: the density to the power of 1 / dof."""
        other = copy(self)
        for name in ("shrinkage", "masses", "second", "least"):
            setattr(other, name, getattr(self, name) / self.dof)
        return other

    def scatter(self, means):
        """What it adds to second moments about given means (k, d)."""
        return self.second + self.shrinkage * self._about(means)

    def _about(self, means):
        """Squares of the gaps between given means (k, d) and that of the prior."""
        gap = means - self.mean
        return crossed(gap, gap / 2, self.structure.moments)

    def penalty(self, parameters):
        """Log density at given parameters, relative to the greatest that there is: at most 0."""
        (k, d), U, structure = parameters.means.shape, parameters.factors, self.structure
        cost = structure.cost(U, self.sample, self.masses, d) - self.least
        if self.shrinkage:
            S = structure.sample(self._about(parameters.means), np.ones(k), np.zeros((k, d)))
            cost += self.shrinkage * np.broadcast_to(structure.distances(S, U, d), k).sum()
        return -0.5 * float(cost)


class Posterior(Gaussian):
    """Formulas of a mixture of normal distributions that has a prior: EM climbs to the greatest posterior density.

    Parameters
    ----------
    structure, variances, floor, eps, equal_weights
        As `Gaussian` has them.
    prior : Prior
    """

    engine = None  # nothing compiled makes many of these iterations in one call

    def __init__(self, structure, variances, floor, eps, equal_weights=False, *, prior):
        super().__init__(structure, variances, floor, eps, equal_weights)
        self.prior = prior

    @classmethod
    def beside(cls, family, prior):
        """A family of normal distributions beside a prior."""
        return cls(family.structure, family.variances, family.floor, family.eps, family.equal_weights, prior=prior)

    def penalty(self, parameters):
        return self.prior.penalty(parameters)

    def update(self, statistics, current=None, **how):
        """The M-step: the parameters of greatest expected log-likelihood plus log prior density."""
        masses, total = statistics.masses, statistics.masses.sum()
        found = super().update(self.joined(statistics), current, **how)
        weights = np.full(len(masses), 1 / len(masses)) if self.equal_weights else masses / total
        return found._replace(parameters=found.parameters.replace(weights=weights),
                              empty=places(masses <= EMPTY * total))

    def joined(self, statistics):
        """Sums of samples and prior about the means of both, and as if these were the means of all."""
        masses, first, about, unit = statistics.masses, statistics.first, statistics.about, statistics.unit
        worth = self.prior.shrinkage / unit
        e = (first + worth * (self.prior.mean - about)) / np.maximum(masses + worth, TINY)[:, None]
        # sum r (y - e)(y - e)' = sum r y y' - f e' - e f' + n e e', y what is about the old means
        second = statistics.second - crossed(first - masses[:, None] * e / 2, e, self.moments)
        second = second + self.prior.scatter(about + e) / unit
        sums = [statistics.buffer[:2], masses + self.prior.masses / unit, np.zeros(about.size), second]
        return Statistics(np.concatenate(sums), about + e, statistics.frame, unit)

    def nearest(self, parameters, like):
        return self.normal.nearest(parameters, like)
