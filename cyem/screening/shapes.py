"""Is a column skewed or heavy-tailed as one cloud, or is it several clouds? Mixtures of one feature tell."""

import math
from typing import NamedTuple

import numpy as np

from ..models.gaussian import GaussianMixture
from ..models.student import StudentMixture
from ..notices import muted

OUTER = 50  # values at either end of a column that stand for themselves,
INNER = 200  # and groups that stand for the others, evenly spaced by rank
COUNTED = 2000  # rows that a comparison counts at most: where there are many, small differences would decide
COMPONENTS = 6  # at most, on either side of a comparison
MARGIN = 30.0  # of BIC
TAIL_MARGIN = 10.0
SKEWED = 1.0  # skewness that may be worth another scale
SHIFTS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # from the least value to the origin of a logarithm, in units of the lower half
FIT = {"reg_covar": 1e-4, "tol": 1e-4, "max_iter": 100, "random_state": 0, "n_threads": 1}  # thin ones: rounding
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
    plain = Shape("as it is")
    if len(values) < 20:
        return plain
    groups = grouped(values)
    skewed, tailed = skewness(groups, groups.z), tail_ratio(values) > TAILED
    scales = _scales(groups, skewed) if abs(skewed) > SKEWED else {}
    single = _single(groups, groups.z, 0.0, 2)
    scales = {name: how for name, how in scales.items() if single - _single(groups, *how[:3]) > MARGIN}
    if not scales and not tailed:
        return plain
    k, score, _ = _fewest(groups, groups.z, 0.0, 2)
    answers = []
    for name, (y, slope, size, origin) in scales.items():
        own_k, own, _ = _fewest(groups, y, slope, size)
        answers.append(Shape(name, score - own, own_k, k, skewness(groups, y), skewed, origin))
    best = max((answer.evidence for answer in answers), default=0.0)
    # of scales nearly as good as the best one: no origin to be chosen, and the least skewness left
    good = [answer for answer in answers if answer.evidence > max(MARGIN, best - MARGIN) and answer.components < k]
    found = min(good, key=lambda answer: (answer.origin != 0, abs(answer.skewness)), default=plain)
    if tailed and k > 1:
        own, model = _tails(groups)
        if score - own > TAIL_MARGIN + max(0.0, found.evidence):
            return Shape("t", score - own, 1, k, skewed, skewed, 0.0, float(model.degrees_of_freedom_[0]))
    return found


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
        scales["shifted logarithm"] = min(tries, key=lambda each: _single(groups, *each[:3]))
    return scales


def _single(groups, y, slope, size):
    """BIC of one normal distribution; `slope` is the mean of the log of the slope of the scale."""
    variance = max(groups.mean((y - groups.mean(y)) ** 2), np.finfo(float).tiny)
    return _score(groups, -0.5 * (math.log(2 * math.pi * variance) + 1) + slope, size)


def _score(groups, mean, size):
    return size * math.log(groups.total) - 2 * groups.total * mean


def _fewest(groups, y, slope, size):
    """The number of components with the lowest BIC, this, and the mixture; `size` is that of one component."""
    best = None
    for k in range(1, COMPONENTS + 1):
        with muted(UserWarning):
            model = GaussianMixture(k, **FIT).fit(y[:, None], sample_weight=groups.weights)
        score = _score(groups, model.lower_bound_ + slope, size + 3 * (k - 1))
        if best is None or score < best[1]:
            best = k, score, model
        elif k > best[0] + 1:  # two in a row that are worse
            break
    return best


def _tails(groups):
    """BIC of one t distribution, and this."""
    with muted(UserWarning):
        model = StudentMixture(1, **FIT).fit(groups.z[:, None], sample_weight=groups.weights)
    return _score(groups, model.lower_bound_, 3), model


def tail_ratio(values):
    """How much longer the outer parts are than those of a normal distribution, against the inner half."""
    n = len(values) - 1
    low, first, third, high = (values[round(share * n)] for share in (0.01, 0.25, 0.75, 0.99))
    return float((high - low) / max(third - first, np.finfo(float).tiny) / 3.449)
