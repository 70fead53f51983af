"""Mixtures of normal distributions of which some parameters are known: these are held, and the rest is fitted.

The M-step maximises, over all parameters, the expected log-likelihood

    sum_k n_k log w_k - 1/2 sum_k n_k [log |Sigma_k| + tr(Sigma_k^-1 (S_k + (m_k - mu_k)(m_k - mu_k)'))]

with n_k, m_k, S_k the mass, mean and covariance of the samples of component k. With some of them held, the maximum over
the others is known too:

- Weights are in the first sum alone. With those of H held, the others share 1 - sum_H w in proportion to their masses
  (by Lagrange's multiplier, as without H).
- A free mean is best at m_k, whatever Sigma_k is. A held one leaves S_k + (m_k - mu_k)(m_k - mu_k)', the scatter about
  itself, in the place of S_k, and covariances of any structure are those of an M-step from these.
- With covariances held for all components nothing is left to be found of them. With those of some held, the others are
  as without, where components have covariances of their own; where they share a volume, a shape or axes, these would
  have to be the best beside given ones, which no M-step here looks for.

So one M-step is exact, and no step of EM loses likelihood.
"""

from typing import NamedTuple

import numpy as np

from ..notices import listed
from ..rows.statistics import TINY, Statistics, crossed
from .covariance.base import AT
from .gaussian import EMPTY, Gaussian, Parameters, places

WORDS = "'weights', 'means' and 'covariances', one or several, or a dict of {name: indices of components}"


class Which(NamedTuple):
    """Which components are held at given weights, means and covariances: booleans (k,) each."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @classmethod
    def of(cls, held, k):
        """What a user asks for: a name, several of them, or a dict; None where nothing is held.

        Raises
        ------
        ValueError
            For anything else.
        """
        asked = [held] if isinstance(held, str) else held
        if not isinstance(asked, dict | list | tuple | set | frozenset):
            raise ValueError(f"The 'held' parameter must be None or {WORDS}. Got {held!r} instead.")
        masks = {name: np.zeros(k, bool) for name in cls._fields}
        for name in asked:
            if not isinstance(name, str) or name not in masks:
                raise ValueError(f"The 'held' parameter must be None or {WORDS}. Got {name!r} in {held!r} instead.")
            masks[name][components(name, asked[name], k) if isinstance(asked, dict) else slice(None)] = True
        return cls(**masks) if any(mask.any() for mask in masks.values()) else None

    def n_parameters(self, structure, d):
        """How many parameters of a mixture are known so; those of the structure that are not, are free."""
        k = len(self.weights)
        weights, means, covariances = (int(k - mask.sum()) for mask in self)  # that are free
        own = structure.n_parameters(k, d)
        return k - max(weights, 1) + (k - means) * d + own - (structure.n_parameters(covariances, d) if covariances
                                                              else 0)


def components(name, asked, k):
    """Indices of components, or booleans for each, as an array that selects them."""
    try:
        found = np.asarray(asked)
    except ValueError:  # lists of different lengths
        found = np.asarray(None)
    if found.shape == (k,) and found.dtype == bool:
        return found
    if found.size and (found.ndim != 1 or found.dtype.kind not in "iu" or found.min() < 0 or found.max() >= k):
        raise ValueError(f"The 'held' parameter must name components of {name!r} by a list of indices from 0 to "
                         f"{k - 1}, or by {k} booleans. Got {asked!r} instead.")
    return found.astype(int).reshape(-1)


class Held(Gaussian):
    """Formulas of a mixture of normal distributions, some parameters of which stay as they are.

    Values are those of the parameters that EM begins from: what goes from these to the next leaves them alone.

    Parameters
    ----------
    structure, variances, floor, eps, equal_weights
        As `Gaussian` has them; the floor is for covariances that are not held.
    which : Which

    Raises
    ------
    ValueError
        Where the structure has no exact M-step for what is held.
    """

    free = False
    engine = None  # nothing compiled makes many of these iterations in one call

    def __init__(self, structure, variances, floor, eps, equal_weights=False, *, which):
        super().__init__(structure, variances, floor, eps, equal_weights)
        self.which = which
        some = which.covariances
        if some.any() and not some.all() and "E" in structure.code:
            raise ValueError(f"held: the covariances of components {listed(places(some))} cannot be held by "
                             f"themselves, as those of the structure {structure.name!r} share what the letter E in "
                             f"{structure.code} stands for: hold all of them, or ask for 'full', 'diag' or "
                             "'spherical'.")

    @property
    def told(self):
        return {"which": self.which}

    def update(self, statistics, current=None, **how):
        """The M-step; without current parameters, as for a start, that of components of which nothing is held."""
        if current is None:
            found = super().update(statistics, None, **how)
            return found._replace(parameters=self._shared_out(found.parameters, found.empty))
        found = super().update(self._about_held(statistics, current.means), current, **how)
        # one that owns nothing and may not move has no place where it could be seeded anew
        return found._replace(parameters=self.keep(found.parameters, current),
                              empty=tuple(j for j in found.empty if not self.which.means[j]),
                              held=self._free(found.held))

    def _shared_out(self, start, empty):
        """A start in which those of the empty components that stay where they are have a fair share of the weight.

        From a weight of zero there is no way back.
        """
        these = [j for j in empty if self.which.means[j]]
        if not these:
            return start
        weights = start.weights.copy()
        weights[these] = 1 / len(weights)
        return start.replace(weights=weights / weights.sum())

    def _about_held(self, statistics, means):
        """Sums about the held means, and as if these were the means of the samples."""
        mask, about, masses, first = self.which.means, statistics.about, statistics.masses, statistics.first
        if not mask.any():
            return statistics
        e = np.where(mask[:, None], means - about, 0.0)
        second = statistics.second
        if e.any():  # sum r (y - e)(y - e)' = sum r y y' - f e' - e f' + n e e', y what is about the old means
            second = second - crossed(first - masses[:, None] * e / 2, e, self.moments)
        sums = [statistics.buffer[:2], masses, np.where(mask[:, None], 0.0, first).ravel(), second]
        return Statistics(np.concatenate(sums), np.where(mask[:, None], means, about))

    def keep(self, new, old):
        weights, means, covariances, factors = new.weights, new.means, new.covariances, new.factors
        which = self.which
        weights = shared(weights, old.weights, which.weights)
        if which.means.any():
            means = np.where(which.means[:, None], old.means, means)
        if which.covariances.all():
            covariances, factors = old.covariances, old.factors
        elif which.covariances.any():
            covariances, factors = (np.where(which.covariances, mine.T, its.T).T for mine, its in
                                    ((old.covariances, covariances), (old.factors, factors)))
        return Parameters(self.structure, weights, means, np.ascontiguousarray(covariances),
                          np.ascontiguousarray(factors))

    def coordinates(self, parameters):
        """As for normal components; those of what is held are the same everywhere."""
        return super().coordinates(parameters.replace(weights=np.maximum(parameters.weights, TINY)))

    def at(self, coordinates, like):
        """None where a component would have no weight."""
        logs = coordinates[: len(like.weights)]
        weights = np.exp(logs - logs.max())
        if not (weights > 2 * EMPTY * weights.sum()).all():
            return None
        return self.keep(super().at(coordinates, like), like)

    def held(self, parameters):
        return self._free(super().held(parameters))

    def _free(self, components):
        """Those of some components whose covariances are not held."""
        return tuple(j for j in components if not self.which.covariances[j])

    def admits(self, parameters):
        below = self.structure.below(parameters.covariances, parameters.factors, self.floor / AT)
        return not (below & ~self.which.covariances).any()

    def separate(self, parameters, axis):
        """As for normal components, of which those with held means stay; None where all of them are such."""
        apart = super().separate(parameters, axis)
        apart = None if apart is None else self.keep(apart, parameters)
        return None if apart is None or np.array_equal(apart.means, parameters.means) else apart

    def remarks(self, parameters):
        gone = self.which.means & (parameters.weights <= EMPTY)
        return [f"components left without weight at their held means: {listed(places(gone))}"] if gone.any() else []

    def ordered(self, start, weights, factors):
        """A start with its components in the order that suits what is given.

        It is the order in which the samples that a component of the start stands for are the most likely, of those that
        exchanges of two lead to. weights (k,), factors: what is given, None where that is nothing.
        """
        k, d = start.means.shape
        S, structure, which = start.covariances, self.structure, self.which
        heights, own = np.empty((k, k)), structure.log_det(start.factors, k, d) - d / 2
        for i in range(k):
            share = weights[i] if which.weights[i] else np.maximum(start.weights, TINY)
            heights[i] = own
            if which.covariances[i]:
                U = structure.taken(factors, [i] * k)
                heights[i] = structure.log_det(U, k, d) - structure.distances(S, U, d) / 2
            heights[i] = start.weights * (heights[i] + np.log(share))
        order = assigned(heights)
        return Parameters(structure, start.weights[order], start.means[order], structure.taken(S, order),
                          structure.taken(start.factors, order))


def shared(new, old, mask):
    """Weights (k,): held ones as they are, the others with what is left in proportion to new ones."""
    if not mask.any():
        return new
    free, out = ~mask, old.copy()
    if (total := new[free].sum()) > 0:
        out[free] = new[free] * ((1 - old[mask].sum()) / total)
    return out


def assigned(heights):
    """A permutation p for which the sum over i of heights[i, p[i]] (k, k) is not raised by any exchange of two."""
    order = np.arange(len(heights))
    least = 1e-9 * np.abs(heights).max()  # less is rounding
    while True:
        here = heights[:, order]
        own = np.diagonal(here)
        gains = here + here.T - own - own[:, None]
        i, j = np.unravel_index(gains.argmax(), gains.shape)
        if not gains[i, j] > least:
            return order
        order[[i, j]] = order[[j, i]]
