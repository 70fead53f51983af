"""How sure the numbers are: standard errors and intervals of the weights, means and covariances of a fitted mixture."""

from __future__ import annotations

from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..em.driver import FLOOR
from ..families import state
from ..families.covariance import simplest, structure
from ..families.covariance.local import contrasts, local
from ..models.estimator import observed
from ..models.mixture import fitted, read
from ..notices import warn
from ..rows import data, door
from ..rows.arrays import known
from ..rows.statistics import TINY
from ..show.fragments import printed
from ..show.frames import to_frame
from ..show.summary import feature_names
from ..show.text import aligned
from . import bootstrap
from .partial import Uncertain, expected, seen, whole_first

if TYPE_CHECKING:
    from typing import Any, Literal

    from numpy.typing import ArrayLike

    from ..models.gaussian import GaussianMixture
    from ..models.mixture import Mixture
    from ..models.student import StudentMixture
    from ..rows.types import Floats, Progress, RandomState, Reals, Rows

METHODS = ("observed", "scores", "sandwich", "bootstrap")
BLOCK = 1 << 18  # numbers per block of rows in one array: what grows with the samples stays in cache
ROWS = 256  # the least rows of a block: products of matrices pay
SINGULAR = 1e-10  # ratio of the extreme eigenvalues below which information says nothing about some parameter
DISTANCE = 0.1  # standard errors, squared, that a fit may be from the maximum without a warning


class AwayWarning(UserWarning):
    """The model is not at a maximum of the likelihood."""


class Estimates(NamedTuple):
    """One number for each parameter of a mixture: values, or standard errors."""

    weights: Reals  # (k,)
    means: Reals  # (k, d)
    covariances: Reals  # in the shape of covariances_; of t distributions scale matrices
    degrees_of_freedom: Floats | None = None  # (k,), of t distributions, where they are found


class Intervals(NamedTuple):
    """One interval for each parameter of a mixture: pairs (low, high)."""

    weights: tuple[Floats, Floats]
    means: tuple[Floats, Floats]
    covariances: tuple[Floats, Floats]
    degrees_of_freedom: tuple[Floats, Floats] | None = None


class StandardErrors:
    """The answer of `standard_errors`.

    Attributes
    ----------
    weights : ndarray of shape (k,)
    means : ndarray of shape (k, d)
    covariances : ndarray
        In the shape of `covariances_`. Of a `StudentMixture` they are of `scales_`.
    degrees_of_freedom : ndarray of shape (k,) or None
        Of a `StudentMixture` that finds these; where tails are as good as normal they may be anything large.
    method : str
    estimates : Estimates
        The parameters whose standard errors these are: weights, means, covariances, degrees_of_freedom.
    replicates : Estimates or None
        For the bootstrap, the parameters of each of B refits: (B, k), (B, k, d), (B, ...) and (B, k) or None.
    missing_information : ndarray of shape (k,) or None
        The share of what is to be learnt of the mean and covariance of each component from its rows that gaps and
        errors of measurement cost: 0 where there are none, 1 where nothing is left. Of the information of whole rows
        that is lost it is the average over directions, the trace of (that of whole rows)^-1 (that which is lost) by the
        number of parameters; both as the model expects them, of rows that count by their responsibilities. That
        it is not known which component a row is from is not in it. None for the bootstrap.
    """

    weights: Floats
    means: Floats
    covariances: Floats
    degrees_of_freedom: Floats | None
    method: str
    estimates: Estimates
    replicates: Estimates | None
    missing_information: Floats | None

    def __init__(
        self,
        model: Mixture,
        errors: Estimates,
        method: str,
        replicates: Estimates | None = None,
        missing: Floats | None = None,
    ) -> None:
        self.weights, self.means, self.covariances, self.degrees_of_freedom = errors
        self.method = method
        self.estimates = Estimates(*state.parameters(model, model._matrices),
                                   None if self.degrees_of_freedom is None else state.tails(model))
        self._width = "squared scale" if model._heavy else "variance"
        self.replicates, self.missing_information = replicates, missing
        self._structure = structure(model.covariance_type)
        self._names = feature_names(model)

    def intervals(self, level: float = 0.95) -> Intervals:
        """Confidence intervals.

        Of the bootstrap: quantiles of the refits. Otherwise normal ones, estimate plus or minus z standard errors, on
        the scale of the logit for weights and of the logarithm for variances, which keeps them inside their ranges;
        means and covariances between features stay on their own scale.

        Parameters
        ----------
        level : float, default=0.95
            Probability, between 0 and 1, that an interval covers what it is about.

        Returns
        -------
        Intervals
            weights, means and covariances, each a pair (low, high) of arrays in the shape of the parameters.

        Raises
        ------
        ValueError
            For a level that is no probability.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture, standard_errors
        >>> X = np.random.default_rng(0).normal(size=(100, 1))
        >>> errors = standard_errors(GaussianMixture().fit(X), X)
        >>> low, high = errors.intervals(0.9).means
        >>> (low < X.mean()) & (X.mean() < high)
        array([[ True]])
        """
        if isinstance(level, str) or not 0 < level < 1:
            raise ValueError(f"level={level!r} must be between 0 and 1, such as 0.95.")
        if self.replicates is not None:
            tails = [(1 - level) / 2, (1 + level) / 2]
            return Intervals(*(None if part is None else tuple(np.quantile(part, tails, axis=0))
                               for part in self.replicates))
        z = NormalDist().inv_cdf((1 + level) / 2)
        w, means, C, _ = self.estimates
        own = self._variances()
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # of one component the odds are infinite
            odds = w / (1 - w)
            ratio = np.exp(z * np.where(self.weights > 0, self.weights / (w * (1 - w)), 0))
            weights = tuple(1 / (1 + 1 / each) for each in (odds / ratio, odds * ratio))
            ratio = np.exp(np.where(own, z * self.covariances, 0) / np.where(own, C, 1))
            covariances = [np.where(own, C * r, C + side * z * self.covariances)
                           for side, r in ((-1, 1 / ratio), (1, ratio))]
            low, high = (np.where(np.isnan(part), C, part) for part in covariances)  # of what is beyond the range
        return Intervals(weights, (means - z * self.means, means + z * self.means), (low, high))

    def _variances(self):
        """Which of `covariances` are variances."""
        k, d = self.means.shape
        return self._structure.condensed(np.repeat(np.eye(d, dtype=bool)[None], k, axis=0))

    def summary(self, level: float = 0.95) -> str:
        """A table of estimates, standard errors and intervals of weights, means and variances.

        Parameters
        ----------
        level : float, default=0.95

        Returns
        -------
        str

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture, standard_errors
        >>> X = np.random.default_rng(0).normal(size=(100, 1))
        >>> errors = standard_errors(GaussianMixture().fit(X), X)
        >>> print(errors.summary().splitlines()[0])
        component  parameter            estimate  standard error   95 % interval
        """
        return "\n".join([*aligned(self._cells(level)), *self._notes()])

    def to_frame(self, level: float = 0.95) -> Any:
        """The same table as a data frame of pandas or Polars.

        Parameters
        ----------
        level : float, default=0.95

        Returns
        -------
        pandas.DataFrame or polars.DataFrame

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture, standard_errors
        >>> X = np.random.default_rng(0).normal(size=(100, 1))
        >>> errors = standard_errors(GaussianMixture().fit(X), X)
        >>> errors.to_frame()["parameter"].to_list()
        ['weight', 'mean of feature 0', 'variance of feature 0']
        """
        names, values = self._table(level)
        k = len(self.means)
        columns = {"component": np.repeat(np.arange(k), len(names)).tolist(), "parameter": names * k}
        return to_frame(columns | {name: numbers.ravel().tolist() for name, numbers in values.items()})

    def _table(self, level):
        """Names of the parameters of a component, and by column what is said of each, (k, parameters)."""
        intervals = (part for part in self.intervals(level) if part is not None)
        low, high = (Estimates(*parts) for parts in zip(*intervals, strict=True))
        parts = {"estimate": self.estimates, "standard_error": self, "low": low, "high": high}
        names = ["weight", *(f"{what} of {name}" for what in ("mean", self._width) for name in self._names),
                 *["degrees of freedom"] * (self.degrees_of_freedom is not None)]
        return names, {name: self._listed(part) for name, part in parts.items()}

    def _cells(self, level):
        names, values = self._table(level)
        table = [("component", "parameter", "estimate", "standard error", f"{100 * level:g} % interval", "")]
        for j in range(len(self.means)):
            for i, name in enumerate(names):
                table.append((str(j), name, *(f"{column[j, i]:.6g}" for column in values.values())))
        return table

    def _notes(self):
        notes = [f"method: {self.method}"]
        if self.missing_information is not None and self.missing_information.any():
            shares = ", ".join(f"{j}: {share:.0%}" for j, share in enumerate(self.missing_information))
            notes.append(f"information that missing values and errors of measurement cost, by component: {shares}")
        return notes

    def _repr_html_(self):
        """The same as print shows, for notebooks."""
        return str(printed("Standard errors", self._cells(0.95), *self._notes()))

    def _listed(self, parts):
        """Weight, means and variances of each component, and degrees of freedom where these are found: (k, ...)."""
        k, d = self.means.shape
        variances = self._structure.diagonals(parts.covariances, k, d)
        tails = () if parts.degrees_of_freedom is None else (parts.degrees_of_freedom,)
        return np.column_stack([parts.weights, parts.means, variances, *tails])

    def __str__(self) -> str:
        return self.summary()

    __repr__ = __str__


def standard_errors(
    model: GaussianMixture | StudentMixture,
    X: Rows,
    method: Literal["observed", "scores", "sandwich", "bootstrap"] = "observed",
    *,
    sample_weight: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    n_bootstrap: int = 200,
    n_jobs: int = 1,
    random_state: RandomState = None,
    progress: Progress = None,
) -> StandardErrors:
    """Standard errors of the weights, means and covariances of a fitted mixture.

    Parameters
    ----------
    model : GaussianMixture or StudentMixture
        Fitted to X; a tight `tol` makes it the maximum that the theory speaks of. For the latter, and for mixtures with
        a background, a prior or parameters that are held, there is 'bootstrap' alone.
    X : array-like of shape (n, d), or what `cyem.scan` takes
        The samples that it was fitted to. Values may be missing.
    method : {'observed', 'scores', 'sandwich', 'bootstrap'}, default='observed'
        'observed': the inverse of the observed information, minus the second derivatives of the log-likelihood (by
        Louis' formula, exact). 'scores': that of the sum over samples of the outer products of their scores, the
        derivatives of their log-densities. 'sandwich': both, which holds also if the mixture is not the true one.
        'bootstrap': fits to samples drawn with replacement, each from the parameters of `model`, the components matched
        by the samples they share.
    sample_weight : array-like of shape (n,), optional
        As in the fit: 2 is the sample twice.
    labels : array-like of shape (n,) or (n, k), optional
        What is known of the components, as `fit` takes it.
    noise : array-like of shape (n, d) or (n, d, d), optional
        Errors of measurement, as `fit` takes them.
    n_bootstrap : int, default=200
        Refits, for 'bootstrap'.
    n_jobs : int, default=1
        Processes for the refits; -1: as many as there are cores. The result is the same for any number. Scripts that
        ask for more than one need the usual ``if __name__ == "__main__":``.
    random_state : int, RandomState, Generator or None, default=None
        Source of random numbers for 'bootstrap'.
    progress : bool or callable, default=None
        For 'bootstrap'. True, or None on a terminal and in a notebook: show how far the work is, if it takes more than
        a second. A callable is called as ``progress(done, total, seconds)``.

    Returns
    -------
    StandardErrors
        `weights`, `means`, `covariances`, and `intervals(level)`; prints as a table.

    Raises
    ------
    TypeError, ValueError
        For bad X or weights, an unknown method, a model that is not fitted, one that the method is not for, or one
        that the samples do not determine: a component without weight, or with too few samples for its parameters.
    OSError
        If no worker process can be started for 'bootstrap', or one ends before its time.

    Warns
    -----
    UserWarning
        If the model is not at a maximum of the likelihood of X.

    See Also
    --------
    GaussianMixture.summary : The parameters as a table.
    stability : How sure the clusters are.

    Notes
    -----
    All are about the free parameters of the structure (as many as BIC counts), from which the delta method leads to
    covariances. Where values are missing, scores are what is expected of those of whole rows, and their variances
    within components are missing information too. Time grows as n p^2 for p parameters, memory as p^2, with gaps or
    noise also as d^4. Where a component is held at the floor of `reg_covar` the likelihood has no maximum, and a
    warning or an error says so. The products of large matrices are NumPy's: their last bits may depend on the number of
    threads of its BLAS.

    In small samples, or where clusters overlap, normal intervals cover too seldom, and those of the bootstrap are to be
    preferred, which need not be symmetric: for two full clusters, 2.2 and 2.9 standard deviations apart, in 450
    samples, 95 % intervals of each parameter cover the truth in 90 to 96 % of 300 sets by 'observed', in 88 to 96 % by
    'sandwich', and in 92 to 96 % by 'bootstrap' (``ci/bench test_coverage.py -m ""``).

    References
    ----------
    Louis (1982), JRSS B 44, 226-233; Meilijson (1989), JRSS B 51, 127-138; McLachlan & Peel, Finite Mixture Models
    (2000), sections 2.15 and 2.16; White (1982), Econometrica 50, 1-25. Missing information: Orchard & Woodbury (1972),
    Proceedings of the Sixth Berkeley Symposium 1, 697-715; Little & Rubin, Statistical Analysis with Missing Data
    (2019), section 9.1.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import GaussianMixture, standard_errors
    >>> X = np.random.default_rng(0).normal(size=(400, 1))
    >>> errors = standard_errors(GaussianMixture(1).fit(X), X)
    >>> bool(np.isclose(errors.means[0, 0], X.std() / 20))
    True
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} does not exist; choose one of {', '.join(map(repr, METHODS))}")
    model = fitted(model)
    frame = X
    X = read(model, X) if labels is None and noise is None else observed(model, X)[0]
    if isinstance(X, door.Streamed) and method != "bootstrap":
        X, sample_weight = X.weighted(sample_weight), None
        if not X.survey.complete:
            raise ValueError(f"X has missing values and is read by blocks, which method={method!r} is not for: ask "
                             "for method='bootstrap', or give the rows as an array.")
    weights = data.weights(sample_weight, len(X), frame)
    if method == "bootstrap":
        told = {"labels": labels, "noise": noise}
        found = bootstrap.refits(model, X, weights, told, n_bootstrap, n_jobs, random_state, progress)
        return StandardErrors(model, Estimates(*(part.std(axis=0, ddof=1) for part in found)), method,
                              Estimates(*found))
    if what := _beyond_information(model):
        raise ValueError(f"The model {what}: method={method!r} is for maxima of the likelihood of normal components "
                         "of which all parameters are free. Ask for method='bootstrap'.")
    chart = Chart(model)
    information = chart.information(X, weights, known(X, len(model.means_), labels, noise, False, frame))
    bread = chart.inverse(information.scores if method == "scores" else information.observed)
    if (distance := information.gradient @ bread @ information.gradient) > DISTANCE:
        remedy = (f"it was {chart.floor}, where there is none: fit fewer components, or with prior='weak'"
                  if chart.floor else "fit it to X, with a smaller tol")
        warn(f"The model is {np.sqrt(distance):.2g} standard errors away from a maximum of the likelihood of X: "
             f"{remedy}.", AwayWarning)
    covariance = bread @ information.scores @ bread if method == "sandwich" else bread
    return StandardErrors(model, chart.errors(covariance), method, missing=information.lost)


def _beyond_information(model):
    """What a model has that the information about normal components does not know of; nothing where all is known."""
    if model._heavy:
        return "has components with heavy tails"
    if state.background(model) is not None:
        return "has a background"
    given = (f"has {name}={value!r}" for name in ("held", "prior") if (value := getattr(model, name)) is not None)
    return next(given, "")


class Information(NamedTuple):
    """What one pass over the samples tells about the free parameters, p of them."""

    observed: np.ndarray  # (p, p): minus the second derivatives of the log-likelihood
    scores: np.ndarray  # (p, p): the sum of the outer products of the scores
    gradient: np.ndarray  # (p,): the sum of the scores
    lost: np.ndarray  # (k,): the share of what whole rows would tell of each component


class Lift(NamedTuple):
    """From derivatives by log-weight, mean and entries of B of one component, q of them, to free parameters."""

    columns: np.ndarray  # the free parameters that the component has to do with
    matrix: np.ndarray  # (q, len(columns))


class Chart:
    """The free parameters of a fitted mixture: contrasts of log-weights, means by components' own units, `Local`.

    The weights are softmax(Z eta) with contrasts Z, the means mu + R u, and the covariances are those of `Local`; all
    in a frame of the mixture's own size.
    """

    def __init__(self, model):
        self.frame, self.means, covariances = state.in_own_frame(model)
        self.weights, *_ = state.parameters(model, "covariances_")
        self.weights = self.weights / self.weights.sum()
        k, d = self.means.shape
        if not (self.weights > 0).all():
            raise ValueError(f"Component {self.weights.argmin()} has no weight, and its parameters no meaning: fit "
                             f"fewer than {k} components.")
        self.floor = next((event for event in model.fit_report_ if FLOOR in event), None)
        self.remedy = "Fit it to X with a smaller tol" if model.converged_ else (
            "Its fit had not converged, and may be on its way to a maximum that hangs on a few samples: fit it with "
            "prior='weak', which method='bootstrap' is for")
        self.covariance_type, self.n_parameters = model.covariance_type, model._n_parameters()
        self.structure = structure(model.covariance_type)
        self.local = local(simplest(self.structure, d).code, self.structure.full(covariances, k, d))
        self.whitening = np.linalg.inv(self.local.roots).swapaxes(1, 2)
        Z = np.zeros((k, 0)) if model.equal_weights else contrasts(k)
        m, curved = self.local.tangent.shape[1:]
        p = Z.shape[1] + k * d + curved
        self.log_weights, self.covariance = slice(0, Z.shape[1]), slice(p - curved, p)
        self.own_means = [slice(Z.shape[1] + j * d, Z.shape[1] + (j + 1) * d) for j in range(k)]
        self.spread = (np.eye(k) - self.weights) @ Z  # derivative of the log-weights
        self.lifts = []
        for j, own in enumerate(self.own_means):
            lift = np.zeros((1 + d + m, p))
            lift[0, self.log_weights] = self.spread[j]
            lift[1 : 1 + d, own] = np.eye(d)
            lift[1 + d :, self.covariance] = self.local.tangent[j]
            columns = np.flatnonzero(lift.any(axis=0))
            self.lifts.append(Lift(columns, lift[:, columns]))

    def information(self, X, weights, known):
        """Scores and second derivatives, by one pass over the samples.

        Louis (1982): the observed information is that of the whole data, less the part that is missing, which is the
        variance of the whole data's score given the samples: of components, and of values within these.
        """
        k, q, p = len(self.lifts), len(self.lifts[0].matrix), self.covariance.stop
        scores, gradient, second, lost = np.zeros((p, p)), np.zeros(p), np.zeros((k, q, q)), np.zeros(k)
        for sums in door.over(partial(self._sums, known=known), X, weights):
            for total, piece in zip((scores, gradient, second, lost), sums, strict=True):
                total += piece
        return Information(self._observed(scores, second), scores, gradient, lost)

    def _sums(self, X, weights, known):
        """Sums over samples: products of their scores, these scores, and products of those of whole data; what is lost.

        Where values are missing all samples are given at once.
        """
        k, q, p = len(self.lifts), len(self.lifts[0].matrix), self.covariance.stop
        scores, gradient, second = np.zeros((p, p)), np.zeros(p), np.zeros((k, q, q))
        complete = known.noise is None and not np.isnan(X).any()
        uncertain = [] if complete else [Uncertain(self.local.rows, self.local.columns, len(R))
                                         for R in self.local.roots]
        for rows, look in self._blocks(X, known, complete):
            w = np.ones(len(X[rows])) if weights is None else weights[rows]
            resp, whole = look(X[rows].astype(np.float64), known.take(rows), w, uncertain)
            share = whole * resp[:, :, None]
            score = np.zeros((len(w), p))
            for part, lift in zip(share, self.lifts, strict=True):
                score[:, lift.columns] += part @ lift.matrix
            gradient += w @ score
            score *= np.sqrt(w)[:, None]
            scores += score.T @ score
            second += (share * w[:, None]).swapaxes(1, 2) @ whole
        lost = np.zeros(k)
        for j, own in enumerate(uncertain):
            lost[j] = self._share_lost(second[j, 0, 0], own, self.lifts[j])
            second[j] += own.covariance()
        return scores, gradient, second, lost

    def _blocks(self, X, known, complete):
        """Rows of a block, and how it is looked at: rows that are known whole, then those of which a part is."""
        k, q = len(self.lifts), len(self.lifts[0].matrix)
        step = max(ROWS, BLOCK // (k * q))
        if complete:
            yield from ((slice(begin, begin + step), self._whole) for begin in range(0, len(X), step))
            return
        for rows, look in zip(whole_first(X, known), (self._whole, self._part), strict=True):
            yield from ((rows[begin : begin + step], look) for begin in range(0, len(rows), step))

    def _whole(self, X, known, w, uncertain):
        """Responsibilities (k, n), and derivatives (k, n, q) of the log-densities of whole data by what `Lift` has."""
        whitening = self.whitening
        z = (self.frame.enter(X) - self.means[:, None]) @ whitening
        logs = np.linalg.slogdet(whitening)[1][:, None] - (z**2).sum(axis=2) / 2
        pairs = z[:, :, self.local.rows] * z[:, :, self.local.columns]
        return self._responsibilities(logs, known), self._scores(z, pairs)

    def _part(self, X, known, w, uncertain):
        """The same of rows of which a part is known: what is expected of it. What is uncertain goes to `uncertain`."""
        rows, (a, b) = seen(X, known.noise, self.frame), (self.local.rows, self.local.columns)
        each = [expected(rows, mean, root) for mean, root in zip(self.means, self.local.roots, strict=True)]
        logs, z, own = zip(*each, strict=True)
        resp, z = self._responsibilities(np.array(logs), known), np.array(z)
        for sums, r, mean, gain in zip(uncertain, resp, z, own, strict=True):
            sums.add(rows, r * w, mean, gain.covariances)
        pairs = z[:, :, a] * z[:, :, b] + np.array([gain.covariances[:, a, b][rows.group] for gain in own])
        return resp, self._scores(z, pairs)

    def _responsibilities(self, logs, known):
        """By log-densities (k, n) of the components."""
        resp = np.log(self.weights)[:, None] + logs
        if known.components is not None:
            with np.errstate(divide="ignore"):
                resp = resp + np.log(known.components.T)
        resp = np.exp(resp - resp.max(axis=0))
        return resp / resp.sum(axis=0)

    def _scores(self, z, pairs):
        """Derivatives (k, n, q), by z (k, n, d) and products of its entries (k, n, m)."""
        pairs = np.where(self.local.rows == self.local.columns, (pairs - 1) / 2, pairs)
        return np.concatenate([np.ones((*z.shape[:2], 1)), z, pairs], axis=2)

    def _share_lost(self, mass, uncertain, lift):
        """The share of what whole rows tell of a component's mean and covariance that these rows do not, on average
        over directions: the trace of (information of whole rows)^-1 (information lost), by the number of parameters."""
        d, on = self.means.shape[1], self.local.rows == self.local.columns
        own = lift.matrix[:, lift.columns >= self.log_weights.stop]
        whole = own.T * np.concatenate([[0], np.ones(d), np.where(on, 0.5, 1)]) @ own
        values, vectors = np.linalg.eigh(whole)
        vectors = (own @ vectors)[:, values > SINGULAR] / np.sqrt(values[values > SINGULAR])
        return ((uncertain.lost() @ vectors) * vectors).sum() / (mass * vectors.shape[1])

    def _observed(self, scores, second):
        """The observed information, from sums of products of scores of samples, and of whole data (k, q, q)."""
        d = self.means.shape[1]
        masses = second[:, 0, 0]
        on = self.local.rows == self.local.columns
        N = second[:, 0, 1 + d :] / np.maximum(masses, TINY)[:, None] * np.where(on, 2, 1) + on
        observed = scores.copy()
        for A, lift in zip(second, self.lifts, strict=True):
            observed[np.ix_(lift.columns, lift.columns)] -= lift.matrix.T @ A @ lift.matrix
        spread = self.spread
        observed[self.log_weights, self.log_weights] += masses.sum() * (spread.T * self.weights) @ spread
        for n, own in zip(masses, self.own_means, strict=True):
            observed[own, own] += n * np.eye(d)
        observed[self.covariance, self.covariance] += self.local.curvature(masses, N)
        return observed

    def inverse(self, information):
        """The inverse of an information matrix, with zeros for parameters that nothing depends on.

        Such are the turns of a round component. Any other about which the samples say nothing is an error.
        """
        reach = np.zeros(len(information))
        for lift in self.lifts:
            reach[lift.columns] += (lift.matrix**2).sum(axis=0)
        known = reach > SINGULAR
        scale = np.sqrt(abs(np.diagonal(information)[known]))
        sound = scale.min(initial=1) > SINGULAR * scale.max(initial=0)
        if sound:
            values, vectors = np.linalg.eigh(information[np.ix_(known, known)] / np.outer(scale, scale))
            sound = values[0] > SINGULAR * values[-1]
        if not sound and self.floor:
            raise ValueError(f"This fit was {self.floor}; there the likelihood has no maximum, and parameters have no "
                             "standard errors of this kind. Fit it with fewer components or a larger reg_covar, or "
                             "with prior='weak', and use method='bootstrap', which tells how much parameters vary.")
        if not sound:
            raise ValueError(
                f"The samples do not determine the {self.n_parameters} parameters of this mixture: its information "
                f"matrix is not positive definite. {self.remedy}, with fewer components or a simpler covariance_type "
                f"than {self.covariance_type!r}, or use method='bootstrap'."
            )
        out = np.zeros_like(information)
        vectors = vectors / scale[:, None]
        out[np.ix_(known, known)] = (vectors / values) @ vectors.T
        return out

    def errors(self, covariance):
        """Standard errors of weights, means and covariances, from the covariance matrix of the free parameters."""
        J = self.weights[:, None] * self.spread
        weights = deviations(J, covariance[self.log_weights, self.log_weights])
        means = np.array([deviations(R, covariance[own, own])
                          for R, own in zip(self.local.roots, self.own_means, strict=True)])
        entries = np.array([deviations(self.local.effect(j) @ T, covariance[self.covariance, self.covariance])
                            for j, T in enumerate(self.local.tangent)])
        covariances = self.structure.condensed(self.local.matrices(entries))
        with np.errstate(over="ignore", under="ignore"):  # as those of the model are
            covariances = self.structure.scaled(covariances, self.frame.units)
        return Estimates(weights, means * self.frame.units, covariances)


def deviations(J, covariance):
    """Standard deviations of J v for a vector v with this covariance matrix."""
    return np.sqrt(np.maximum(((J @ covariance) * J).sum(axis=1), 0))
