"""Some features of a mixture, and some given others: marginals, conditionals, and what is expected of many rows."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING

import numpy as np

from .. import threads
from ..families import state
from ..families.conditional import block, distances, given
from ..families.covariance import of_some_features, structure
from ..families.student import surplus
from ..kernels import ISA, module
from ..lazy import cached_property
from ..rows import data
from ..rows.samples import worth
from ..show.text import plural, series

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike

    from ..rows.types import Floats, Integers, Reals

kernel = module("conditional", ISA)
BLOCK = 1 << 14  # rows at a time where each takes a matrix for each component
ONES = np.empty((0, 0))  # what multiplies variances of normal distributions
NO_VARIANCES = np.empty((0, 0))


def places(model, features, name="features"):
    """The indices of features that a user tells by index or name, each once."""
    names, d = state.feature_names(model), n_features(model)
    features = [features] if np.ndim(features) == 0 and not isinstance(features, dict) else list(features)
    found = [_place(feature, names, d, name) for feature in features]
    if not found:
        raise ValueError(f"{name} is empty: name at least one of the {d} features.")
    if len(set(found)) < len(found):
        raise ValueError(f"{name}={list(features)!r} names a feature twice: name each once.")
    return found


def n_features(model):
    """The number of features of a mixture that is whole."""
    return state.parameters(model)[1].shape[1]


def _place(feature, names, d, name):
    if isinstance(feature, str):
        if names is None:
            raise ValueError(f"{name} has {feature!r}, but the features have no names: use indices, 0 to {d - 1}.")
        if feature not in names:
            raise ValueError(f"{name} has {feature!r}, which is none of {', '.join(map(repr, names))}.")
        return names.tolist().index(feature)
    if isinstance(feature, bool | np.bool_) or not isinstance(feature, numbers.Integral):
        raise TypeError(f"{name} has {feature!r}: features are told by index or name.")
    if not 0 <= feature < d:
        raise ValueError(f"{name} has {feature!r}, but there are {d} features: give an index from 0 to {d - 1}.")
    return int(feature)


def components_alone(model):
    """Raise ValueError for a mixture with a background, which has no mean of some features given others."""
    model._check_fitted()
    if state.background(model) is not None:
        raise ValueError("A mixture with a background has no distribution of some features by themselves or given "
                         "others that is a mixture of normal ones: fit with background=False to the rows for which "
                         "`predict` is not -1.")


def marginal(model, features):
    """The mixture of some of the features; see `Mixture.marginal`."""
    components_alone(model)
    features = places(model, features)
    return _named(_nameless(model, features), model, features)


def _nameless(model, features):
    """The mixture of the features of some indices, without their names."""
    frame, _, covariances = state.in_own_frame(model)
    shape = structure(model.covariance_type)
    matrices = block(shape, shape.scaled(covariances, frame.units), features)
    return made(model, model.weights_, np.asarray(model.means_)[:, features], matrices,
                 of_some_features(model.covariance_type), state.tails(model))


def condition(model, known):
    """The mixture of the other features, given values of some; see `Mixture.condition`."""
    components_alone(model)
    if not isinstance(known, dict):
        raise TypeError(f"known must be a dict of features and their values, got {known!r}.")
    features = places(model, known, "known")
    d = n_features(model)
    others = [i for i in range(d) if i not in features]
    if not others:
        raise ValueError(f"known has values of all {d} features: leave at least one to ask for.")
    x = data.samples([list(known.values())], name="known")
    rows = Conditional(_nameless(model, [*features, *others]), x, len(features), others)
    name = of_some_features(model.covariance_type, apart=model._heavy and len(rows.weights[0]) > 1)
    covariances = rows.covariances[0] * rows.stretch[0][:, None, None]
    freedom = None if not model._heavy else rows.degrees_of_freedom[0]
    mixture = made(model, rows.weights[0], rows.means[0], structure(name).condensed(covariances), name, freedom)
    return _named(mixture, model, others)


def made(model, weights, means, matrices, name, tails=None):
    """A mixture of the family of a model, with weights in proportion to these."""
    weights = np.asarray(weights, float)
    mixture = model._similar(weights / weights.sum(), means, matrices, tails, name)
    mixture.n_threads = model.n_threads
    return mixture


def _named(mixture, model, features):
    """A mixture of some features of a model, with their names."""
    names = vars(model).get("feature_names_in_")
    mixture._remember(len(features), None if names is None else names[features])
    return mixture


def predict_conditional(model, X_known, features=None, known=None):
    """What some features are expected to be given others; see `Mixture.predict_conditional`."""
    components_alone(model)
    names, d = data.feature_names(X_known), n_features(model)
    asked = None if features is None else places(model, features)
    if known is None and names is not None and vars(model).get("feature_names_in_") is not None:
        known = names.tolist()
    if known is None and asked is None:
        raise ValueError("features and known are both None: say which features X_known has, or which are asked for.")
    given_ = [i for i in range(d) if i not in asked] if known is None else places(model, known, "known")
    asked = [i for i in range(d) if i not in given_] if asked is None else asked
    if both := sorted({*given_} & {*asked}):
        raise ValueError(f"Features {both} are both known and asked for: leave them out of one.")
    if not given_ or not asked:
        raise ValueError(f"X_known has {'none' if not given_ else 'all'} of the {d} features: there must be some to "
                         "know, and some to ask for.")
    X, _ = data.observed(X_known, name="X_known")
    if X.shape[1] != len(given_):
        raise ValueError(f"X_known has {X.shape[1]} columns, expected {len(given_)}: one for each of the features "
                         f"{given_}. Say by `known` which ones it has.")
    return Conditional(_nameless(model, [*given_, *asked]), X, len(given_), asked)


class Conditional:
    """What a mixture says of some features of many rows, given others: a mixture for each row.

    Parameters
    ----------
    joint : GaussianMixture or StudentMixture
        Of the p features that are known, then the m that are asked for.
    X : ndarray of shape (n, p)
        The known features; NaN where nothing was observed.
    p : int
    features : list of int
        The features that are asked for, as the mixture of all features counts them.

    Attributes
    ----------
    features : list of int
    weights : ndarray of shape (n, k)
        Of the components, given what is known of the row.
    means : ndarray of shape (n, k, m)
        Of the components; centres, where tails are heavy. Made when asked for.
    covariances : ndarray of shape (g, k, m, m)
        Of the components, which do not depend on the values that are known, but on which: one for each group of rows
        with the same gaps. Scale matrices, where tails are heavy.
    group : ndarray of shape (n,)
        The group of each row.
    stretch : ndarray of shape (n, k)
        What multiplies scale matrices; ones for normal components.
    degrees_of_freedom : ndarray of shape (g, k)
        Infinite for normal components.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import GaussianMixture
    >>> model = GaussianMixture.from_parameters([0.5, 0.5], [[0.0, 0.0], [4.0, 4.0]], np.ones(2), "spherical")
    >>> rows = model.predict_conditional([[0.0], [2.0]], features=1)
    >>> rows.mean().round(3).tolist()
    [[0.001], [2.0]]
    >>> rows.quantile([0.1, 0.9]).round(2)[:, 0].tolist()  # of the second, halfway, two modes
    [[-1.28, 1.28], [-0.84, 4.84]]
    """

    features: list[int]
    weights: Floats
    covariances: Floats
    group: Integers
    degrees_of_freedom: Floats

    def __init__(self, joint: Any, X: Reals, p: int, features: list[int]) -> None:
        self.features, X = features, X.astype(np.float64, copy=False)
        self.weights = joint.marginal(range(p)).predict_proba(X)
        self._joint, self._p, self._X = joint, p, X
        patterns, self.group = np.zeros((1, p), bool), np.zeros(len(X), np.intp)
        if (gone := np.isnan(X)).any():
            patterns, group = np.unique(gone, axis=0, return_inverse=True)
            self.group = group.reshape(-1)
        self._groups = [_Group(joint, p, ~pattern) for pattern in patterns]
        self.covariances = np.stack([each.covariances for each in self._groups])
        self.degrees_of_freedom = np.stack([each.freedom for each in self._groups])

    def __len__(self) -> int:
        return len(self.weights)

    def __repr__(self) -> str:
        n, k = self.weights.shape
        asked = f"feature{'s' * (len(self.features) != 1)} {series(map(str, self.features))}"
        return f"<Conditional of {asked} in {plural('row', n)}, {plural('component', k)}>"

    def _rows(self):
        """Groups, the rows of each, and what is known of these."""
        where = [slice(None)]
        if len(self._groups) > 1:
            where = np.split(np.argsort(self.group, kind="stable"), np.bincount(self.group).cumsum()[:-1])
        for group, rows in zip(self._groups, where, strict=True):
            X = self._X[rows]
            yield group, rows, np.ascontiguousarray(X[:, group.seen] if not group.seen.all() else X)

    @cached_property
    def means(self) -> Floats:
        out = np.empty((*self.weights.shape, len(self.features)))
        for group, rows, X in self._rows():
            out[rows] = group.locations(X)
        return out

    @cached_property
    def stretch(self) -> Floats:
        out = np.ones(self.weights.shape)
        if self._joint._heavy:
            for group, rows, X in self._rows():
                out[rows] = group.stretch(X)
        return out

    def mean(self) -> Floats:
        """Expected values.

        Returns
        -------
        ndarray of shape (n, m)
            NaN where a component of up to one degree of freedom has weight: it has none.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> rows = model.predict_conditional([[2.0], [-2.0]], features=1)
        >>> rows.mean().tolist()
        [[6.0], [4.0]]
        """
        return self._moments(False)[0]

    def variance(self) -> Floats:
        """Variances of each feature, of all components together.

        Returns
        -------
        ndarray of shape (n, m)
            Infinite where a component of up to two degrees of freedom has weight.

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> rows = model.predict_conditional([[2.0], [-2.0]], features=1)
        >>> rows.variance().tolist()
        [[1.75], [1.75]]
        """
        return self._moments(True)[1]

    def std(self) -> Floats:
        """Standard deviations of each feature: the roots of `variance`.

        Returns
        -------
        ndarray of shape (n, m)

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> rows = model.predict_conditional([[2.0], [-2.0]], features=1)
        >>> rows.std().round(3).tolist()
        [[1.323], [1.323]]
        """
        return np.sqrt(self.variance())

    def mean_and_std(self) -> tuple[Floats, Floats]:
        """What `mean` and `std` give, by one pass.

        Returns
        -------
        mean, std : ndarray of shape (n, m)

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> rows = model.predict_conditional([[2.0], [-2.0]], features=1)
        >>> mean, std = rows.mean_and_std()
        >>> mean.tolist(), std.round(3).tolist()
        ([[6.0], [4.0]], [[1.323], [1.323]])
        """
        mean, variance = self._moments(True)
        return mean, np.sqrt(variance)

    def covariance(self) -> Floats:
        """Covariance matrices of the features, of all components together.

        Returns
        -------
        ndarray of shape (n, m, m)

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> rows = model.predict_conditional([[2.0], [-2.0]], features=1)
        >>> rows.covariance().tolist()
        [[[1.75]], [[1.75]]]
        """
        n, m = len(self), len(self.features)
        out, mean = np.empty((n, m, m)), self.mean()
        for group, rows, X in self._rows():
            index = np.arange(n)[rows]
            for first in range(0, len(index), BLOCK):
                part, here = index[first : first + BLOCK], X[first : first + BLOCK]
                w = self.weights[part]
                gap = group.locations(here) - mean[part][:, None]
                within = w * group.widths(here, w) if self._joint._heavy else w
                own = np.tensordot(within, group.covariances, 1)
                out[part] = own + (gap * w[:, :, None]).swapaxes(1, 2) @ gap
        return out

    def log_density(self, Y: ArrayLike) -> Floats:
        """Log-densities of values of the features.

        Parameters
        ----------
        Y : array-like of shape (n, m), or (m,) for all rows

        Returns
        -------
        ndarray of shape (n,)

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> rows = model.predict_conditional([[2.0], [-2.0]], features=1)
        >>> rows.log_density([5.0]).round(3).tolist()  # at 5, of each row
        [-1.484, -1.484]
        """
        shape = len(self), len(self.features)
        if np.shape(Y) not in (shape, shape[1:]):
            raise ValueError(f"Y has the shape {np.shape(Y)}, expected {shape}, or {shape[1:]} for all rows.")
        Y = data.samples(np.broadcast_to(np.asarray(Y), shape), name="Y")
        both = self._joint.score_samples(np.concatenate([self._X, Y], axis=1))
        return both - self._joint.marginal(range(self._p)).score_samples(self._X)

    def cdf(self, y: ArrayLike, feature: int | None = None) -> Floats:
        """The probability that a feature is at most y.

        Parameters
        ----------
        y : float or array-like of shape (n,)
        feature : int, default=None
            Its place among those that are asked for; not needed where it is the only one.

        Returns
        -------
        ndarray of shape (n,)

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> rows = model.predict_conditional([[2.0], [-2.0]], features=1)
        >>> rows.cdf(5.0).round(3).tolist()
        [0.225, 0.775]
        """
        j, n = self._which(feature), len(self)
        y = points(y, "y")
        if y.shape not in ((), (1,), (n,)):
            raise ValueError(f"y has the shape {y.shape}, expected {(n,)}, or a number for all {n} rows.")
        y, out = np.ascontiguousarray(np.broadcast_to(y, n)), np.empty(n)
        for group, rows, X in self._rows():
            found = np.empty(len(X))
            kernel.cdf(np.ascontiguousarray(y[rows]), self.weights[rows], *group.along(X, j), found,
                       n_threads=self._threads(len(X) * 100))
            out[rows] = found
        return out

    def quantile(self, q: ArrayLike, feature: int | None = None) -> Floats:
        """The values that features are at most with probability q.

        Parameters
        ----------
        q : float or array-like of shape (count,)
            In (0, 1).
        feature : int, default=None
            Its place among those that are asked for; None: all of them, each by itself.

        Returns
        -------
        ndarray of shape (n, m), or (n,) of one feature; with several q an axis for these is last

        Examples
        --------
        >>> from cyem import GaussianMixture
        >>> model = GaussianMixture.from_parameters([1.0], [[0.0, 5.0]], [[[1.0, 0.5], [0.5, 2.0]]])
        >>> rows = model.predict_conditional([[2.0], [-2.0]], features=1)
        >>> rows.quantile([0.1, 0.9]).round(2).tolist()
        [[[4.3, 7.7]], [[2.3, 5.7]]]
        """
        q = checked_probabilities(q)
        n, each = len(self), range(len(self.features)) if feature is None else [self._which(feature)]
        out = np.empty((n, len(each), q.size))
        for group, rows, X in self._rows():
            for i, j in enumerate(each):
                found = np.empty((len(X), q.size))
                kernel.quantiles(q.ravel(), self.weights[rows], *group.along(X, j), found,
                                 n_threads=self._threads(len(X) * q.size * 2000))
                out[rows, i] = found
        out = out if feature is None else out[:, 0]
        return out if q.ndim else out[..., 0]

    def _which(self, feature):
        m = len(self.features)
        if feature is None and m == 1:
            return 0
        if isinstance(feature, bool) or not isinstance(feature, numbers.Integral) or not 0 <= feature < m:
            raise ValueError(f"feature={feature!r} is none of the {m} that are asked for: give its place among these, "
                             f"0 to {m - 1}.")
        return int(feature)

    def _threads(self, operations):
        return threads.enter(worth(operations * self.weights.shape[1], self._joint.n_threads))

    def _moments(self, variance):
        n, k, m = *self.weights.shape, len(self.features)
        mean, spread = np.empty((n, m)), np.empty((n, m) if variance else (0, 0))
        for group, rows, X in self._rows():
            own = [mean, spread] if isinstance(rows, slice) else [np.empty((len(X), m)), spread[:len(X)].copy()]
            n_threads = self._threads(len(X) * (len(group.known) + 2) * m)
            x, maps = (X, group.maps) if X.shape[1] else (np.zeros((len(X), 1)), np.zeros((k, m, 1)))
            reference = group.reference if X.shape[1] else np.zeros(1)
            stretch = group.widths(X, self.weights[rows]) if variance and self._joint._heavy else ONES
            variances = np.ascontiguousarray(np.diagonal(group.covariances, axis1=1, axis2=2))
            workspace = np.empty(kernel.workspace_size(x.shape[1], k, n_threads), np.uint8)
            kernel.conditional_moments(
                x, reference, np.ascontiguousarray(self.weights[rows]), np.ascontiguousarray(stretch), group.constants,
                maps, variances if variance else NO_VARIANCES, group.about, *own, workspace, n_threads=n_threads,
            )
            if not isinstance(rows, slice):
                mean[rows] = own[0]
                if variance:
                    spread[rows] = own[1]
            if (absent := group.freedom <= 1).any():
                mean[rows] = np.where((self.weights[rows][:, absent] > 0).any(axis=1)[:, None], np.nan, mean[rows])
        return mean, spread


class _Group:
    """Components given those of the p features that are seen in some rows."""

    def __init__(self, joint, p, seen):
        frame, means, covariances = state.in_own_frame(joint)
        shape, (k, d) = structure(joint.covariance_type), means.shape
        self.seen, self.known = seen, np.flatnonzero(seen)
        asked = np.arange(p, d)
        found = given(shape.full(covariances, k, d), self.known, asked)
        units, own = frame.units[asked], frame.units[self.known]
        a, b = means[:, self.known], means[:, asked]
        self.centres, self.factors, self.units = a, found.factors, own
        self.reference, self.about = frame.reference[self.known], frame.reference[asked]
        self.maps = np.ascontiguousarray(found.maps * units[:, None] / own)
        self.constants = np.ascontiguousarray((b - (found.maps @ a[:, :, None])[:, :, 0]) * units)
        self.covariances = found.covariances * units * units[:, None]
        tails = state.tails(joint)
        self.freedom = np.full(k, math.inf) if tails is None else tails + len(self.known)
        self.tails = tails

    def locations(self, X):
        """The centres (n, k, m) of the components."""
        return np.einsum("np,kmp->nkm", X - self.reference, self.maps) + (self.constants + self.about)

    def stretch(self, X):
        """What multiplies scale matrices (n, k)."""
        if self.tails is None or np.isinf(self.tails).all():
            return np.ones((len(X), len(self.maps)))
        q = distances(((X - self.reference) / self.units)[:, None] - self.centres, self.factors)
        with np.errstate(invalid="ignore"):
            return np.where(np.isinf(self.tails), 1.0, (self.tails + q) / self.freedom)

    def widths(self, X, weights):
        """What variances are (n, k), in those of scale matrices: infinite up to two degrees of freedom.

        Where a component has no weight (n, k) they do not matter, and are 0.
        """
        nu = self.freedom
        with np.errstate(divide="ignore", invalid="ignore"):
            factors = np.where(nu > 2, np.where(np.isinf(nu), 1.0, nu / (nu - 2)), np.inf)
        return np.where(weights > 0, self.stretch(X) * factors, 0.0)

    def along(self, X, j):
        """Locations and scales (n, k) of one feature, degrees of freedom and heights (k,), as kernels have them."""
        locations = np.einsum("np,kp->nk", X - self.reference, self.maps[:, j])
        locations += self.constants[:, j] + self.about[j]
        scales = np.broadcast_to(np.sqrt(self.covariances[:, j, j]), locations.shape)
        if self.tails is not None:
            scales = scales * np.sqrt(self.stretch(X))
        return locations, scales, self.freedom, heights(self.freedom)


def heights(freedom):
    """The densities at 0 of t distributions of these degrees of freedom (k,)."""
    return np.array([math.exp(surplus(nu, 1)) for nu in freedom.tolist()]) / math.sqrt(2 * math.pi)


def points(values, name):
    """Numbers of any shape, also infinite ones."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got dtype {array.dtype}.")
    array = array.astype(np.float64)
    if np.isnan(array).any():
        raise ValueError(f"{name} contains NaN: remove it.")
    return array


def checked_probabilities(q):
    """Probabilities in (0, 1), of one dimension at most."""
    array = points(q, "q")
    if array.ndim > 1 or array.size == 0 or not ((array > 0) & (array < 1)).all():
        raise ValueError(f"q must be a number in (0, 1), or several in one dimension, got {q!r}: at 0 and 1 there is "
                         "no quantile.")
    return array


def one_feature(model, feature):
    """Weights, locations and scales (1, k), degrees of freedom and heights (k,) of one feature of a mixture."""
    components_alone(model)
    d = n_features(model)
    if feature is None and d > 1:
        raise ValueError(f"feature is None, but there are {d} features: say which one, by index or name.")
    which = places(model, 0 if feature is None else feature, "feature")
    if len(which) > 1:
        raise ValueError(f"feature={feature!r} must be one, by index or name: ask for each by itself.")
    one = marginal(model, which)
    k, tails = len(one.means_), state.tails(one)
    variances = structure(one.covariance_type).diagonals(np.asarray(getattr(one, one._matrices)), k, 1)
    freedom = np.full(k, math.inf) if tails is None else tails
    return one.weights_[None], one.means_.T.copy(), np.sqrt(variances).T, freedom, heights(freedom)


def cdf(model, x, feature):
    """The probability that one feature is at most x; see `Mixture.cdf`."""
    parts, x = one_feature(model, feature), points(x, "x")
    n, k = x.size, len(parts[3])
    out = np.empty(n)
    if n:
        spread = [np.broadcast_to(each, (n, k)) for each in parts[:3]]
        kernel.cdf(np.ascontiguousarray(x.ravel()), *spread, *parts[3:], out,
                   n_threads=threads.enter(worth(100 * n * k, model.n_threads)))
    return out.reshape(x.shape) if x.ndim else float(out[0])


def quantile(model, q, feature):
    """The value that one feature is at most with probability q; see `Mixture.quantile`."""
    parts, q = one_feature(model, feature), checked_probabilities(q)
    out = np.empty((1, q.size))
    kernel.quantiles(q.ravel(), *parts, out, n_threads=1)
    return out[0] if q.ndim else float(out[0, 0])
