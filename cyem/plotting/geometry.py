"""The fitted mixture as pictures need it: marginal mixtures, covariance matrices of a few features, ellipses."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..families import state
from ..families.background import Box
from ..families.covariance import structure
from ..models.gaussian import GaussianMixture
from ..models.mixture import fitted
from ..models.student import StudentMixture
from ..show.summary import feature_names
from ..show.text import printable

if TYPE_CHECKING:
    from ..rows.types import Floats, Reals

CANDIDATES = 30  # features of which all pairs are tried
SHARE = 0.9  # of a component inside its ellipse
FEW, ENOUGH = 0.01, 20  # the share of the values that may be left outside on each side, of no fewer values than that
LATTICE = 200  # steps up to which a lattice would be seen as one
ROUNDED = 1e-3  # by how much steps may differ
ALONE = {3: "full", 2: "diag", 1: "spherical"}  # the structure of components one by one, by how covariances are stacked


class Components(NamedTuple):
    """Weights (k,), means (k, d), covariances as `Structure.each` has them, and names of the features (d,)."""

    weights: Floats
    means: Reals
    covariances: Reals
    names: tuple[str, ...]
    tails: Floats | None = None  # degrees of freedom (k,), or normal ones
    background: state.Outside | None = None  # what lies around them, with its share of everything

    @classmethod
    def of(cls, model):
        """Those of a fitted model."""
        weights, means, covariances = state.parameters(fitted(model), model._matrices)
        covariances = structure(model.covariance_type).each(covariances, len(means))
        names = tuple(feature_names(model))
        return cls(weights / weights.sum(), means, covariances, names, state.tails(model), state.background(model))

    def marginal(self, features):
        """The components of some of the features."""
        covariances = self.covariances
        for axis in range(1, covariances.ndim):
            covariances = covariances.take(features, axis)
        names = tuple(self.names[i] for i in features)
        background = self.background
        if background is not None:
            background = background._replace(box=Box(*(side[features] for side in background.box)))
        return Components(self.weights, self.means[:, features], covariances, names, self.tails, background)

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
    def shares(self):
        """Weights among all samples (k,), of which a background has what they leave."""
        return self.weights * (1 - (0 if self.background is None else self.background.weight))

    @property
    def _structure(self):
        return structure(ALONE[self.covariances.ndim])

    def density(self, x):
        """Density of each component times its share of all samples at points x (m, d): (m, k)."""
        mixture = self.mixture
        return np.exp(mixture.score_samples(x))[:, None] * mixture.predict_proba(x) * self.shares.sum()

    def level(self, x):
        """Density of the background times its weight, the same everywhere, at points x (m, d): (m,)."""
        background = self.background
        return np.full(len(x), 0 if background is None else background.weight * np.exp(background.box.log_density))

    def telling(self, count):
        """The features in which the components overlap least, each by itself, in their own order."""
        if count >= len(self.names):
            return list(range(len(self.names)))
        overlaps = [self.marginal([i]).overlap() for i in range(len(self.names))]
        return sorted(np.argsort(overlaps, kind="stable")[:count].tolist())

    def separating(self):
        """The two features in whose plane the components overlap least; of many features, two of the telling ones."""
        if len(self.names) <= 2:
            return list(range(len(self.names)))
        return list(min(combinations(self.telling(CANDIDATES), 2), key=lambda pair: self.marginal(pair).overlap()))

    def overlap(self):
        """The sum over pairs of components of a bound of the error by which they are taken for each other.

        That of Bhattacharyya (1943), for normal distributions: the root of the weights times the integral of the root
        of both densities.
        """
        one, other = np.triu_indices(len(self.means), 1)
        matrices, apart = self.matrices, self.means[one] - self.means[other]
        middle = (matrices[one] + matrices[other]) / 2
        logs = np.linalg.slogdet(matrices)[1]
        distances = np.einsum("pi,pi->p", apart, np.linalg.solve(middle, apart[..., None])[..., 0])
        exponents = distances / 8 + np.linalg.slogdet(middle)[1] / 2 - (logs[one] + logs[other]) / 4
        return float(np.sqrt(self.weights[one] * self.weights[other]) @ np.exp(-exponents))


def chosen(features, components, most):
    """Indices of the features to show: those asked for by index or name, or the most telling ones."""
    if features is None:
        return components.separating() if most == 2 else components.telling(most)
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


def window(x):
    """The range (low, high) to show of values: of all, unless few of them are so far out that they flatten the rest.

    Shown is what lies around the middle 98 %, up to once their width on each side.
    """
    low, high = x.min(), x.max()
    few = max(int(FEW * len(x)), 1) if len(x) >= ENOUGH else 0
    inner = np.partition(x, [few, -few - 1])[[few, -few - 1]]
    room = inner[1] - inner[0]
    if room == 0:  # nearly all are the same: what else there is must be seen
        return low, high
    kept = x[(inner[0] - room <= x) & (x <= inner[1] + room)]
    return kept.min(), kept.max()


def step(x):
    """The distance of the points of a lattice, such as whole numbers, on which values lie; 0 where they do not."""
    values = np.unique(x)
    gaps = np.diff(values)
    if not len(gaps) or 2 * len(values) > len(x):
        return 0.0
    least = gaps.min()
    if values[-1] - values[0] > LATTICE * least:
        return 0.0
    counts = gaps / least
    return float(least) if np.abs(counts - np.round(counts)).max() < ROUNDED else 0.0


def jittered(points):
    """Points (m, d) whose values on a lattice are moved a little, so that not all of a place are one on top of another.

    By at most a third of the distance to the next; always in the same way.
    """
    widths = np.array([step(x[~np.isnan(x)]) for x in points.T])
    return points + np.random.default_rng(0).uniform(-1 / 3, 1 / 3, points.shape) * widths


def limits(components, windows):
    """Ranges (d, 2) for windows (d, 2) and ellipses, of which each may add a quarter to the width of a window."""
    low, high = np.transpose(windows)
    reach = np.sqrt(-2 * np.log(1 - SHARE)) * components.deviations
    room = (high - low) / 4
    low = np.maximum((components.means - reach).min(axis=0).clip(None, low), low - room)
    high = np.minimum((components.means + reach).max(axis=0).clip(high, None), high + room)
    pad = np.where(high > low, 0.03 * (high - low), np.maximum(np.abs(low), 1))
    return np.column_stack([low - pad, high + pad])


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
