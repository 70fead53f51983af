"""Mixtures of multivariate t distributions: normal ones whose tails are as heavy as the data say.

A sample of component j is normal with covariance Sigma_j / u, where u is a gamma variable of mean one that is not seen:
the fewer the degrees of freedom nu_j, the more u varies, and the less far samples count (Peel & McLachlan 2000,
Statistics and Computing 10, 339-348).
"""

import math
from functools import partial

import numpy as np

from ..notices import listed
from ..rows.samples import Density, Frame, power_of_two
from ..rows.statistics import TINY, Weighed
from .gaussian import Gaussian, Parameters, Update

LEAST, MOST = 0.05, 1e7  # degrees of freedom that are looked for; the likelihood is flat towards infinity
NORMAL = 5.0  # from which on tails are light enough for steps in the inverse of it
BEGIN = 20.0  # where the search begins, and
HEAVY = 2.0  # where it begins too
ALIKE = 0.9  # ratio of degrees of freedom from which on they tell nothing apart
HIDDEN = 1e-8  # of the variance of all samples: so much less is what the quartiles tell of when outliers hide the rest
BETWEEN = 1.349  # the quartiles of a normal distribution, in standard deviations
STEPS = 20  # of Newton, at most


class StudentParameters(Parameters):
    """Weights, means, scale matrices (as `covariances`, with their factors) and degrees of freedom of k components."""

    __slots__ = ("freedom",)

    def __init__(self, structure, weights, means, covariances, factors, freedom):
        super().__init__(structure, weights, means, covariances, factors)
        self.freedom = np.asarray(freedom, float)

    @classmethod
    def like(cls, normal, freedom):
        """The same components with other tails."""
        self = cls.__new__(cls)
        for name in Parameters.__slots__:
            setattr(self, name, getattr(normal, name))
        self.block, self.freedom = None, np.asarray(freedom, float)
        return self

    def replace(self, weights=None, means=None):
        return StudentParameters(self.structure, self.weights if weights is None else weights,
                                 self.means if means is None else means, self.covariances, self.factors, self.freedom)

    def taken(self, structure, places, weights, ratio):
        return StudentParameters.like(super().taken(structure, places, weights, ratio), self.freedom[places])

    @property
    def arrays(self):
        return {**super().arrays, "freedom": self.freedom}

    def inside(self, frame, other):
        return StudentParameters.like(super().inside(frame, other), self.freedom)

    @property
    def density(self):
        normal = super().density
        heights = normal.constants + [surplus(nu, self.means.shape[1]) for nu in self.freedom.tolist()]
        return Density(f"{normal.kind} t", normal.means, normal.factors, np.concatenate([heights, self.freedom]),
                       self.weights, self.covariances, partial(tails, self.freedom, self.means.shape[1]))


class Student(Gaussian):
    """Formulas of a mixture of t distributions: those of normal ones, with samples that count for more or less.

    Parameters
    ----------
    structure, variances, floor, eps, equal_weights
        As `Gaussian` has them; the floor is that of scale matrices.
    freedom : {'own', 'shared'}, float or ndarray of shape (k,)
        Degrees of freedom: found for each component, or for all together, or given.
    """

    def __init__(self, structure, variances, floor, eps, equal_weights=False, freedom="own"):
        super().__init__(structure, variances, floor, eps, equal_weights)
        self.freedom = freedom

    heavy = True
    engine = None  # nothing compiled makes many of these iterations in one call

    def restored(self, k, kept):
        return StudentParameters.like(super().restored(k, kept), kept.array("freedom", (k,)))

    @property
    def told(self):
        return {"freedom": self.freedom}

    @staticmethod
    def seen(rows, frame, variances):
        """The floor is relative to what the quartiles tell of, where outliers make variances larger than that.

        Where these are so far that rounding would hide the other samples, which they draw mean and unit away from,
        the frame is around the medians and in units of the quartiles.
        """
        X, weights = rows.looked
        low, middle, high = quartiles(X, weights).astype(np.float64)
        between = (high - low) / BETWEEN
        robust = (between / frame.units) ** 2
        hidden = (robust > 0) & (robust < variances * HIDDEN)
        if hidden.any():
            one = (frame.units == frame.units[0]).all() and len(frame.units) > 1
            units = np.where(hidden, power_of_two(np.where(hidden, between, 1.0), X.dtype), frame.units)
            units = np.full_like(units, units[hidden].max()) if one else units
            robust, variances = (between / units) ** 2, variances * (frame.units / units) ** 2
            frame, variances = Frame(np.where(hidden, middle, frame.reference), units), np.where(hidden, robust,
                                                                                                 variances)
        return frame, variances, np.where((robust > 0) & (robust < variances), robust, variances)

    def adopt(self, normal, more=None):
        """As normal components; more: degrees of freedom (k,) that these are known to have."""
        tails = more
        if not isinstance(self.freedom, str):
            tails = np.full(len(normal.weights), self.freedom)
        elif tails is None:
            tails = np.full(len(normal.weights), BEGIN)
        elif self.freedom == "shared":
            tails = np.full(len(tails), 1 / (normal.weights @ (1 / np.clip(tails, LEAST, MOST))))
        else:
            tails = np.clip(tails, LEAST, MOST)
        return StudentParameters.like(normal, tails)

    def ways(self, normal):
        heavy = np.full(len(normal.weights), HEAVY)  # of one component there is nothing to miss
        return [self.adopt(normal), self.adopt(normal, heavy)][: len(heavy)]

    def separate(self, parameters, axis):
        """As for normal components; those with other tails do not coincide."""
        nu = parameters.freedom
        return super().separate(parameters, axis) if (nu >= ALIKE * nu.max()).all() else None

    def update(self, statistics, current=None, **how):
        """The M-step of PX-EM (Liu, Rubin & Wu 1998, Biometrika 85, 755-770).

        With the hidden weights u in the place of sample weights it is that of normal components, but for the mixing
        weights; a scale that u might have had besides is a parameter of its own, found and divided out again, and that
        is why sums are divided by those of u. Degrees of freedom solve Liu & Rubin (1995, Statistica Sinica 5, 19-39).
        """
        if not isinstance(statistics, Weighed):  # of a start, which knows no tails
            found = super().update(statistics, None, **how)
            return found._replace(parameters=self.adopt(found.parameters))
        found = super().update(statistics, current, **how)
        normal, shares, nu = found.parameters, statistics.shares, current.freedom
        u = statistics.masses / np.maximum(shares, TINY)  # the mean of u
        if found.held:
            alpha, covariances, factors = self._at_the_floor(statistics, normal, u, found.held, current)
        elif self.structure.code[0] == "E":  # one scale for all, on which components with normal tails insist
            alpha = (shares * nu) @ u / (shares @ nu) if np.isfinite(nu).all() else 1.0
            scale = (shares @ u) / (shares.sum() * alpha)
            alpha = np.full(len(nu), alpha)
            covariances, factors = normal.covariances * scale, normal.factors / math.sqrt(scale)
        else:
            alpha, covariances, factors = np.where(u > 0, u, 1.0), normal.covariances, normal.factors
        weights = normal.weights if self.equal_weights else shares / shares.sum()
        d = normal.means.shape[1]
        normal = Parameters(normal.structure, weights, normal.means, covariances, factors)
        if not isinstance(self.freedom, str):
            return Update(StudentParameters.like(normal, nu), found.empty, found.held)
        sums = shares, u, statistics.logs + statistics.masses
        made = StudentParameters.like(normal, self.degrees(nu, *sums, alpha, d, found.empty))
        light = nu > NORMAL
        bold = None
        if light.any() and not found.empty:
            bold = StudentParameters.like(normal, np.where(light, self.scored(nu, *sums, d), made.freedom))
        return Update(made, found.empty, found.held, bold)

    def _at_the_floor(self, statistics, normal, u, held, current):
        """Scales of u, scale matrices and factors, where some of these are held.

        A scale that is divided out afterwards would lead below the floor, or away from the best above it: components at
        the floor get the M-step without one, sums divided by those of the responsibilities.
        """
        shares = statistics.shares
        S = self.structure.sample(statistics.second, np.maximum(statistics.masses, TINY),
                                  normal.means - statistics.about)
        one = self.structure.code[0] == "E"
        S = S * (shares @ u / shares.sum()) if self.moments == "pooled" else (S.T * u).T
        found = self.structure.maximum(S, shares, self.floor, self.eps, current.covariances)
        found = self.structure.no_worse(found, S, shares, self.floor, current)
        U = self.structure.factors(found.covariances) if found.factors is None else found.factors
        if one:
            return np.ones(len(u)), found.covariances, U
        alpha, covariances, factors = np.where(u > 0, u, 1.0), normal.covariances.copy(), normal.factors.copy()
        which = list(held)
        alpha[which], covariances[which], factors[which] = 1.0, found.covariances[which], U[which]
        return alpha, covariances, factors

    def degrees(self, nu, shares, u, sum_log, alpha, d, empty):
        """Degrees of freedom that are most likely, given the mean of u (k,), the sums of log u, and its scale (k,)."""
        owned = shares > 0
        mean_log = np.where(owned, sum_log / np.maximum(shares, TINY), 0.0)
        excess = u / alpha - 1 - (mean_log + hidden(nu, d) - np.log(alpha))
        excess[list(empty)] = np.nan
        if self.freedom == "shared":
            known = ~np.isnan(excess)
            return np.full(len(nu), degrees_of(float(shares[known] @ excess[known] / shares[known].sum())))
        return np.array([old if math.isnan(each) else degrees_of(each) for old, each in zip(nu, excess, strict=True)])

    def scored(self, nu, shares, u, sum_log, d):
        """Degrees of freedom after a step of Fisher's scoring in 1 / nu.

        Where tails are light, the hidden weights hardly vary and would tell of nu what EM believes of it: steps of EM
        get ever smaller. The derivative of the likelihood comes with the sums, and its second one is that of a single
        t distribution of known scale.
        """
        slopes = np.array([0.5 * (mass * (1 - digamma_less_log(each / 2) + digamma_less_log((each + d) / 2)) + log
                                  - mass * mean) for each, mass, log, mean in zip(nu, shares, sum_log, u, strict=True)])
        curvatures = shares * [information(each, d) for each in nu]
        if self.freedom == "shared":
            slopes, curvatures = (np.full(len(nu), each.sum()) for each in (slopes, curvatures))
        inverse = 1 / nu - slopes * nu**2 / np.maximum(curvatures, TINY)
        return 1 / np.clip(inverse, 1 / MOST, 1 / LEAST)

    def coordinates(self, parameters):
        """Those of normal components, and logarithms of the degrees of freedom that are looked for."""
        return np.concatenate([super().coordinates(parameters), np.log(self._free(parameters.freedom))])

    def at(self, coordinates, like):
        count = len(self._free(like.freedom))
        base, logs = np.split(coordinates, [len(coordinates) - count])
        normal = super().at(base, like)
        freedom = like.freedom
        if count:
            freedom = np.broadcast_to(np.clip(np.exp(np.minimum(logs, 700)), LEAST, MOST), freedom.shape)
        return StudentParameters.like(normal, freedom)

    def _free(self, freedom):
        """The degrees of freedom that are looked for."""
        return freedom[: n_free(self.freedom, len(freedom))]

    def expected(self, parameters, frame):
        """As of normal components: the mean of u is one, that of log u the one of its gamma distribution."""
        s, w, nu = super().expected(parameters, frame), parameters.weights, parameters.freedom
        logs = hidden(nu, 0) - hidden(nu, s.about.shape[1])
        return Weighed(np.concatenate([s.buffer, w, w * (logs - 1)]), s.about, frame)

    def rebased(self, statistics, old, new):
        """Sums of log u tell of u what its expectation is less what `hidden` adds to it."""
        d = statistics.about.shape[1]
        less = hidden(new.freedom, d) - hidden(old.freedom, d)
        if not less.any():
            return statistics
        s = statistics.copy()
        s.logs[:] -= s.shares * less
        return s

    def remarks(self, parameters):
        """What is to be said of a fit besides: one line each."""
        if not isinstance(self.freedom, str):
            return []
        light = np.flatnonzero(parameters.freedom >= MOST)
        heavy = np.flatnonzero(parameters.freedom <= LEAST)
        return [f"degrees of freedom at their {name} of {bound:g}, {what}: components {listed(where)}"
                for where, name, bound, what in ((light, "most", MOST, "where tails are as good as normal"),
                                                 (heavy, "least", LEAST, "the heaviest that are looked for"))
                if len(where)]


def n_free(freedom, k):
    """How many degrees of freedom of k components are found, by what `Student` is told."""
    return {"own": k, "shared": 1}[freedom] if isinstance(freedom, str) else 0


def quartiles(X, weights):
    """The quartiles of each feature (3, d): the first values that a quarter of all weight goes up to, and so on."""
    if np.isnan(X).any():
        columns = ((X[known, i : i + 1], None if weights is None else weights[known])
                   for i, known in enumerate(~np.isnan(X).T))
        return np.concatenate([quartiles(*each) for each in columns], axis=1)
    if weights is None:
        ranks = [-(-part * len(X) // 4) - 1 for part in (1, 2, 3)]
        return np.partition(X, ranks, axis=0)[ranks]
    found = np.empty((3, X.shape[1]))
    for i, x in enumerate(X.T):
        order = np.argsort(x, kind="stable")
        sums = np.cumsum(weights[order])
        found[:, i] = x[order[np.searchsorted(sums, sums[-1] * np.array([0.25, 0.5, 0.75]))]]
    return found


def surplus(nu, d):
    """What the log-density of t at its mean is more than that of the normal distribution with the same matrix."""
    if nu == math.inf:
        return 0.0
    a, h = nu / 2, d / 2
    if a < 64:
        return math.lgamma(a + h) - math.lgamma(a) - h * math.log(a)
    # of Stirling's series the difference, so that large numbers do not cancel
    def rest(x):
        z = 1 / x
        return z * (1 / 12 - z * z * (1 / 360 - z * z / 1260))

    return (a + h - 0.5) * math.log1p(h / a) - h + rest(a + h) - rest(a)


def tails(freedom, d):
    """The table (k, 2 d + 3) by which rows are seen of which 0 to d features are known, as kernels.views has it."""
    hidden = [[digamma_less_log((nu + m) / 2) if 0 < nu + m < math.inf else 0.0 for m in range(d + 1)]
              for nu in freedom.tolist()]
    return np.array([[nu, *(surplus(nu, m) for m in range(d + 1)), *(each - row[-1] for each in row)]
                     for nu, row in zip(freedom.tolist(), hidden, strict=True)])


def hidden(freedom, d):
    """What E log u, given a sample, is more than the log of the u that a sample counts for (k,)."""
    return np.array([digamma_less_log((nu + d) / 2) for nu in freedom.tolist()])


def information(nu, d):
    """Fisher's information on 1 / nu in one sample of a t distribution of which all else is known."""
    # towards infinity the log-density is that of normal plus (q^2 / 4 - d q / 2 + ...) / nu, of this variance
    limit = d * (d + 6) / 2
    if nu > 200 * d:
        return limit
    # Lange, Little & Taylor (1989), JASA 84, 881-896, appendix B, for nu
    own = (trigamma(nu / 2) - trigamma((nu + d) / 2)) / 4 - d * (nu + d + 4) / (2 * nu * (nu + d) * (nu + d + 2))
    return nu**4 * own


def trigamma(x):
    """The second derivative of log gamma, for x > 0."""
    shift = 0.0
    while x < 12:
        shift += 1 / (x * x)
        x += 1
    z = 1 / (x * x)
    return shift + 1 / x + z / 2 + z / x * (1 / 6 - z * (1 / 30 - z * (1 / 42 - z / 30)))


def digamma_less_log(x):
    """digamma(x) - log(x), for x > 0: by the recurrence up to where the asymptotic series holds."""
    shift, y = 0.0, x
    while y < 12:
        shift -= 1 / y
        y += 1
    z = 1 / (y * y)
    series = -0.5 / y - z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z / 132))))
    return series + shift + (math.log(y / x) if y != x else 0.0)


def degrees_of(excess):
    """The nu with log(nu / 2) - digamma(nu / 2) = excess, in LEAST to MOST: by Newton's steps in log nu.

    The first guess is that of Minka (2002, Estimating a gamma distribution, equation 9), within 1.5 %.
    """
    if not excess > -digamma_less_log(MOST / 2):
        return MOST
    if excess >= -digamma_less_log(LEAST / 2):
        return LEAST
    x = (3 - excess + math.sqrt((excess - 3) ** 2 + 24 * excess)) / (12 * excess)
    for _ in range(STEPS):
        step = (-digamma_less_log(x) - excess) / (1 - x * trigamma(x))
        x *= math.exp(-step)
        if abs(step) < 1e-12:
            break
    return min(max(2 * x, LEAST), MOST)
