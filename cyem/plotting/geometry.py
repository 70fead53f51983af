"""The fitted mixture as pictures need it: marginal mixtures, covariance matrices of a few features, ellipses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..families import state
from ..families.covariance import structure
from ..models.gaussian import GaussianMixture
from ..models.mixture import fitted
from ..models.student import StudentMixture
from ..show.summary import feature_names
from ..show.text import printable

if TYPE_CHECKING:
    from ..rows.types import Floats, Reals

SHARE = 0.9  # of a component inside its ellipse
ALONE = {3: "full", 2: "diag", 1: "spherical"}  # the structure of components one by one, by how covariances are stacked


class Components(NamedTuple):
    """Weights (k,), means (k, d), covariances as `Structure.each` has them, and names of the features (d,)."""

    weights: Floats
    means: Reals
    covariances: Reals
    names: tuple[str, ...]
    tails: Floats | None = None  # degrees of freedom (k,), or normal ones

    @classmethod
    def of(cls, model):
        """Those of a fitted model."""
        weights, means, covariances = state.parameters(fitted(model), model._matrices)
        covariances = structure(model.covariance_type).each(covariances, len(means))
        return cls(weights / weights.sum(), means, covariances, tuple(feature_names(model)), model._tails())

    def marginal(self, features):
        """The components of some of the features."""
        covariances = self.covariances
        for axis in range(1, covariances.ndim):
            covariances = covariances.take(features, axis)
        names = tuple(self.names[i] for i in features)
        return Components(self.weights, self.means[:, features], covariances, names, self.tails)

    @property
    def mixture(self):
        """The same as a mixture that can be evaluated."""
        known = self.weights, self.means, self.covariances
        if self.tails is None:
            return GaussianMixture.from_parameters(*known, self._structure.name)
        return StudentMixture.from_parameters(*known, self.tails, self._structure.name)

    @property
    def matrices(self):
        """Covariance matrices (k, d, d)."""
        return self._structure.full(self.covariances, *self.means.shape)

    @property
    def deviations(self):
        """Standard deviations (k, d)."""
        return np.sqrt(self._structure.diagonals(self.covariances, *self.means.shape))

    @property
    def _structure(self):
        return structure(ALONE[self.covariances.ndim])

    def density(self, x):
        """Density of each component times its weight at points x (m, d): (m, k)."""
        mixture = self.mixture
        return np.exp(mixture.score_samples(x))[:, None] * mixture.predict_proba(x)

    def telling(self, count):
        """The features in which the components differ most, in their own order.

        By the share of the variance that is between the components.
        """
        if count >= len(self.names):
            return list(range(len(self.names)))
        between = self.weights @ (self.means - self.weights @ self.means) ** 2
        within = self.weights @ self.deviations**2
        return sorted(np.argsort(-between / (between + within), kind="stable")[:count].tolist())


def chosen(features, components, most):
    """Indices of the features to show: those asked for by index or name, or the most telling ones."""
    if features is None:
        return components.telling(most)
    indices = []
    for feature in np.atleast_1d(np.asarray(features, dtype=object)):
        name = printable(feature) if isinstance(feature, str) else None
        if name in components.names:
            indices.append(components.names.index(name))
        elif isinstance(feature, (int, np.integer)) and 0 <= feature < len(components.names):
            indices.append(int(feature))
        else:
            raise ValueError(f"features={features!r}: there is no feature {feature!r}; give indices from 0 to "
                             f"{len(components.names) - 1} or names: {', '.join(components.names)}")
    if not indices:
        raise ValueError("features=[] is empty: give at least one index or name, or None for the most telling ones")
    return indices


def some(n, most):
    """At most so many of n rows, evenly among them at random, in order and always the same."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, most, replace=False))


def ellipse(mean, covariance, share=SHARE, m=100, *, nu=np.inf):
    """The curve (m, 2) that holds a share of a t distribution of two features, or of a normal one.

    With nu degrees of freedom that is at a squared distance of nu ((1 - share)^(-2 / nu) - 1), in the limit -2 log(1 -
    share).
    """
    logs = -2 * np.log(1 - share)
    radius = np.sqrt(logs if np.isinf(nu) else nu * np.expm1(min(logs / nu, 700.0)))
    values, axes = np.linalg.eigh(covariance)
    angle = np.linspace(0, 2 * np.pi, m)
    circle = np.column_stack([np.cos(angle), np.sin(angle)]) * radius
    return mean + circle * np.sqrt(np.maximum(values, 0)) @ axes.T
