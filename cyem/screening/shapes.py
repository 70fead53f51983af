"""Is a column skewed or heavy-tailed as one cloud, or is it several clouds? Mixtures of one feature tell."""

import math
from typing import NamedTuple

import numpy as np

from ..models.gaussian import GaussianMixture
from ..models.history import one_of_many
from ..models.student import StudentMixture
from ..notices import muted

OUTER = 50  # values at either end of a column that stand for themselves,
INNER = 200  # and groups that stand for the others, evenly spaced by rank
COUNTED = 2000  # rows that a comparison counts at most: where there are many, small differences would decide
LEAST = 20  # rows
SCALES = 2  # that are compared with the column's own
COMPONENTS = 5  # at most, on either side of a comparison
MARGIN, TAIL_MARGIN = 30.0, 10.0  # of BIC, of another scale and of a t distribution
FAR = 5.0  # times MARGIN: so much better is an origin that is not zero where it is worth the trouble
SKEWED = 1.0  # skewness that may be worth another scale
SHIFTS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # from the outermost value to the origin of a logarithm, in widths of half
FIT = {"reg_covar": 1e-4, "tol": 1e-3, "max_iter": 100, "random_state": 0, "n_threads": 1}  # thin ones: rounding
TAILED = 1.5  # times as long as normal ones, between the outer hundredths and within the quartiles


class Shape(NamedTuple):
    """On which scale a column takes the fewest components.

    `scale`: "as it is", "square root", "logarithm", "shifted logarithm" (of x - origin, or of origin - x) or "t".
    """

    scale: str
    evidence: float = 0.0  # by how much BIC is lower on it
    components: int = 1
    components_before: int = 1
    skewness: float = 0.0
    skewness_before: float = 0.0
    origin: float = 0.0
    degrees_of_freedom: float = math.inf

    @property
    def scaled(self):
        """Whether the scale is another one than the column's own."""
        return self.scale not in ("as it is", "t")


class Groups(NamedTuple):
    """A column in short: values by size, and how many rows each stands for."""

    z: np.ndarray
    weights: np.ndarray

    @property
    def total(self):
        return float(self.weights.sum())

    def mean(self, y):
        return float((self.weights * y).sum() / self.total)


def shape(values):
    """The shape of a column.

    Parameters
    ----------
    values : ndarray
        By size, without those that many rows hold.

    Returns
    -------
    Shape
    """
    if len(values) < LEAST:
        return Shape("as it is")
    groups = grouped(values)
    skewed, tailed = skewness(groups, groups.z), tail_ratio(values) > TAILED
    scales = _scales(groups, skewed) if abs(skewed) > SKEWED else {}
    plain = _Mixtures(groups, groups.z, 0.0, 2)
    others = [(name, origin, _Mixtures(groups, y, slope, size)) for name, (y, slope, size, origin) in scales.items()]
    others = [each for each in others if plain.best(1) - each[2].best(1) > MARGIN]
    others.sort(key=lambda each: each[2].best(1))
    natural = [each for each in others if not each[1]]
    if natural and natural[0][2].best(1) - others[0][2].best(1) < FAR * MARGIN:
        others = natural
    found = [Shape(name, ahead, k, plain.count, skewness(groups, other.y), skewed, origin)
             for name, origin, other in others[:SCALES] for k, ahead in [_ahead(other, plain)] if k]
    if found:
        # of scales nearly as good as the best one: the fewest components, and the least skewness left
        best = max(each.evidence for each in found)
        good = [each for each in found if each.evidence > best - MARGIN]
        return min(good, key=lambda each: (each.components, abs(each.skewness)))
    if tailed and plain.best(2) < plain.best(1):
        own, freedom = _tails(groups)
        if plain.best(COMPONENTS) - own > TAIL_MARGIN:
            return Shape("t", plain.best(COMPONENTS) - own, 1, plain.count, skewed, skewed, 0.0, freedom)
    return Shape("as it is")


def _ahead(other, plain):
    """With how many components one scale is ahead of another that takes more of them, and by how much; or (0, 0.0)."""
    for k in range(1, COMPONENTS):
        if plain.best(k + 1) - other.best(k) > MARGIN:
            ahead = plain.best(COMPONENTS) - other.best(k)
            if ahead > MARGIN and other.count < plain.count:
                return other.count, ahead
        if other.count < k:
            break
    return 0, 0.0


class _Mixtures:
    """Mixtures of a column on some scale, fitted when they are asked for.

    y : ndarray of shape (n,)
        Values on the scale.
    slope : float
        The mean of the log of its slope.
    size : int
        Parameters of one component.
    """

    def __init__(self, groups, y, slope, size):
        self.groups, self.y, self.slope, self.size = groups, y, slope, size
        variance = max(groups.mean((y - groups.mean(y)) ** 2), np.finfo(float).tiny)
        self.scores = [self._score(-0.5 * (math.log(2 * math.pi * variance) + 1))]

    def _score(self, mean):
        size = self.size + 3 * len(getattr(self, "scores", ()))
        return size * math.log(self.groups.total) - 2 * self.groups.total * (mean + self.slope)

    def best(self, most):
        """The lowest BIC of up to so many components; two more that do not lower it end the search."""
        while len(self.scores) < most and len(self.scores) - self.count < 2:
            with muted(UserWarning):
                model = GaussianMixture(len(self.scores) + 1, **FIT)
                one_of_many(model, self.y[:, None], self.groups.weights)
            self.scores.append(self._score(model.lower_bound_))
        return min(self.scores[:most])

    @property
    def count(self):
        """How many components have the lowest BIC, of those tried."""
        return 1 + int(np.argmin(self.scores))


def transformed(values, shape):
    """Values on the scale of a shape; NaN where it has none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if shape.scale == "square root":
            return np.sqrt(values)
        if shape.scale == "logarithm":
            return np.log(values)
        if shape.scale == "shifted logarithm":
            sign = 1.0 if shape.skewness_before > 0 else -1.0
            return sign * np.log(sign * (values - shape.origin))
    return values


def grouped(values):
    """A column in short; all of its values where these are few."""
    n = len(values)
    weight = min(1.0, COUNTED / n)
    if n <= 2 * OUTER + INNER:
        return Groups(values, np.full(n, weight))
    bounds = np.unique(np.concatenate([np.arange(OUTER), np.linspace(OUTER, n - OUTER, INNER + 1).astype(int),
                                       np.arange(n - OUTER, n)]))
    sizes = np.diff([*bounds, n])
    return Groups(np.add.reduceat(values, bounds) / sizes, sizes * weight)


def skewness(groups, y):
    """The third standardised moment."""
    y = y - groups.mean(y)
    return groups.mean(y**3) / max(groups.mean(y**2), np.finfo(float).tiny) ** 1.5


def _scales(groups, skewed):
    """Scales on which a skewed column may be symmetric: {name: (values, log of the slope, parameters, origin)}.

    The simplest come first.
    """
    z, scales = groups.z, {}
    if skewed > 0 and z[0] > 0:
        scales["logarithm"] = np.log(z), -groups.mean(np.log(z)), 2, 0.0
    if skewed > 0 and z[0] >= 0:
        root = np.sqrt(z)
        scales["square root"] = root, -groups.mean(np.log(2 * np.maximum(root, root[root > 0][0] / 2))), 2, 0.0
    sign, end = (1.0, z[0]) if skewed > 0 else (-1.0, z[-1])
    half = abs(z[len(z) // 2] - end)
    if half > 0:
        tries = []
        for shift in SHIFTS:
            origin = float(end - sign * shift * half)
            y = np.log(sign * (z - origin))
            tries.append((sign * y, -groups.mean(y), 3, origin))
        scales["shifted logarithm"] = min(tries, key=lambda each: _Mixtures(groups, *each[:3]).scores)
    return scales


def _tails(groups):
    """BIC of one t distribution, and its degrees of freedom."""
    with muted(UserWarning):
        model = one_of_many(StudentMixture(1, **FIT), groups.z[:, None], groups.weights)
    return 3 * math.log(groups.total) - 2 * groups.total * model.lower_bound_, float(model.degrees_of_freedom_[0])


def tail_ratio(values):
    """How much longer the outer parts are than those of a normal distribution, against the inner half."""
    n = len(values) - 1
    low, first, third, high = (values[round(share * n)] for share in (0.01, 0.25, 0.75, 0.99))
    return float((high - low) / max(third - first, np.finfo(float).tiny) / 3.449)
