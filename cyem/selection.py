"""Which mixture fits best: every number of components with every covariance structure, and the table of answers."""

import math
import operator
import warnings
from dataclasses import dataclass, replace
from time import perf_counter
from typing import NamedTuple

import numpy as np

from . import covariance, data
from .criteria import BLOCK, CRITERIA, UNDEFINED, measures, uncertainty
from .estimator import ConvergenceWarning, warn
from .gaussian import GaussianMixture
from .progress import shown

SHOWN = ("bic", "aic", "icl")  # columns of the printed table; the criterion that chooses is one more
ROUNDING = 1e-9  # of a log-likelihood: less is no violation of nesting
MARKS = {
    "!": "! stopped before convergence: raise max_iter",
    "~": "~ something out of the ordinary, such as a component as thin as reg_covar allows: see the report of the row",
    "?": "? spurious: a component owes its likelihood to a few rows or to none of the width; not chosen",
}


class Row(NamedTuple):
    """One combination of the grid; `reason` says why it was not fitted, `report` what was out of the ordinary."""

    n_components: int
    covariance_type: str
    log_likelihood: float = math.nan
    n_parameters: int | None = None
    bic: float = math.nan
    aic: float = math.nan
    aicc: float = math.nan
    icl: float = math.nan
    nec: float = math.nan
    entropy: float = math.nan
    cv: float | None = None
    converged: bool = False
    n_iter: int = 0
    seconds: float = 0.0
    n_starts_at_optimum: int = 0
    spurious: bool = False
    report: tuple = ()
    reason: str = ""


class Violation(NamedTuple):
    """Two rows of which the more general one has the lower likelihood."""

    special: Row
    general: Row
    loss: float


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """The answer of `select`: a table of fits, of which one is the best.

    Attributes
    ----------
    rows : tuple of Row
        One per combination, in the order of the grid. Fields: n_components, covariance_type, log_likelihood (of all
        samples together), n_parameters (free ones), bic, aic, aicc, icl, nec, entropy, cv (see `select`; NaN where not
        defined, cv None unless asked for), converged, n_iter, seconds, n_starts_at_optimum (how many of the starts
        ended here), spurious (see `select`), report (the `fit_report_`), reason (why there is no fit, else empty; the
        numbers are then NaN).
    models : tuple of GaussianMixture or None
        The fitted model of each row.
    criterion : str or callable
        What `best_` and `best_row` go by.
    interrupted : bool
        True if Ctrl-C or the time budget ended the search before its last row.
    """

    rows: tuple
    models: tuple
    criterion: object = "bic"
    interrupted: bool = False

    @property
    def best_row(self):
        """The row with the smallest criterion; of equal ones the first; a spurious one only if there is no other."""
        return self.rows[self._best]

    @property
    def best_(self):
        """The fitted model of `best_row`."""
        return self.models[self._best]

    @property
    def _best(self):
        values = self.values()
        defined = [i for i, value in enumerate(values) if not math.isnan(value)]
        return min(defined, key=lambda i: (self.rows[i].spurious, values[i]))

    def values(self, criterion=None):
        """What a criterion is for each row: a tuple of float, NaN where there is none; by default the one that chooses.

        Parameters
        ----------
        criterion : str or callable, optional

        Returns
        -------
        tuple of float
        """
        return _values(self.rows, self.models, self.criterion if criterion is None else _known(criterion))

    def pick(self, criterion):
        """The same table with another criterion choosing the best.

        Parameters
        ----------
        criterion : str or callable
            As for `select`.

        Returns
        -------
        Selection

        Raises
        ------
        ValueError
            If the criterion does not exist, or is defined for no row.
        """
        values = self.values(criterion)
        if all(map(math.isnan, values)):
            raise ValueError(f"criterion={criterion!r} is not defined for any row: it {_need(criterion)}")
        return replace(self, criterion=criterion)

    @property
    def nesting_violations(self):
        """Pairs of rows of which the more general one has the lower likelihood: empty when the table is sound.

        More general are structures each letter of whose code allows as much or more (I < E < V), and more components
        of the same structure. Spurious rows are no measure for others.
        """
        fitted = [row for row in self.rows if not row.reason]
        return tuple(
            Violation(special, general, special.log_likelihood - general.log_likelihood)
            for special in fitted
            for general in fitted
            if not special.spurious
            and special.log_likelihood - general.log_likelihood > ROUNDING * max(1.0, abs(special.log_likelihood))
            and _nested(special, general)
        )

    def __str__(self):
        best = self.best_row
        name = self.criterion if isinstance(self.criterion, str) else "criterion"
        shown = SHOWN if name in SHOWN else (*SHOWN, name)
        columns = [_texts(self.values(None if each == name else each)) for each in shown]
        head = ("", "components", "structure", "log-likelihood", "parameters", *shown, "iterations", "seconds")
        rows = zip(self.rows, zip(*columns, strict=True), strict=True)
        table = [head, *((("*" if row is best else ""), *_cells(row, values)) for row, values in rows)]
        last = (
            f"* best by {name} (smaller is better): "
            f"{best.n_components} component{'s' * (best.n_components > 1)}, {best.covariance_type}"
        )
        legend = [text for mark, text in MARKS.items() if any(mark in _marks(row) for row in self.rows)]
        if any("undefined" in column for column in columns):
            legend += [f"undefined: {name} {_need(name)}"]
        return "\n".join([*aligned(table), last, *legend])

    __repr__ = __str__

    def _repr_html_(self):
        """The best of the table, for notebooks."""
        from .fragments import selection_summary

        return str(selection_summary(self))


def select(
    X,
    n_components=range(1, 11),
    covariance_types=("full", "tied", "diag", "spherical"),
    criterion="bic",
    *,
    sample_weight=None,
    progress=None,
    **parameters,
):
    """Fit every number of components with every covariance structure and choose the best by a criterion.

    A combination that cannot be fitted, such as more components than samples, is a row of the table that says why; the
    others are fitted all the same. Ctrl-C ends the search with a warning and gives the best so far.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples.
    n_components : int or iterable of int, default=range(1, 11)
        Numbers of components to try.
    covariance_types : str or iterable of str, default=("full", "tied", "diag", "spherical")
        Covariance structures to try, by any name that `GaussianMixture` takes.
    criterion : {"bic", "aic", "aicc", "icl", "nec", "entropy"} or callable, default="bic"
        What the best model minimises, -2 L + p log(n), -2 L + 2 p, or bic - 2 sum_i w_i log(max_k r_ik), with L the
        log-likelihood, p the number of free parameters, n the sum of weights and r the responsibilities. A function is
        called with a row and its model.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each sample; 2 is the sample twice, 0 is the sample gone.
    progress : bool, None or callable, default=None
        Whether to show how far the search is; None: on a terminal and in a notebook, after a second. A function is
        called as ``progress(done, total, seconds)`` after each fit, with the time since the start.
    **parameters
        Anything else that `GaussianMixture` takes, for every fit alike. The same `random_state` serves every fit, so
        that a row is what one fit with that seed gives; of a generator one seed is drawn for all.

    Returns
    -------
    Selection
        The table: prints well, with `best_` (fitted model), `rows` (records) and `pick` (another criterion).

    Raises
    ------
    ValueError
        If X, the weights or the grid are wrong, or if no combination could be fitted.

    References
    ----------
    BIC: Schwarz, "Estimating the dimension of a model", 1978. ICL: Biernacki, Celeux, Govaert, "Assessing a mixture
    model for clustering with the integrated completed likelihood", 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import select
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-3, 1, (200, 2)), rng.normal(3, 1, (200, 2))])
    >>> selection = select(X, n_components=range(1, 4), random_state=0)
    >>> selection.best_.n_components
    2
    """
    _known(criterion)
    grid = [(k, structure) for k in _counts(n_components) for structure in _structures(covariance_types)]
    parameters["random_state"] = _one_seed(parameters.get("random_state"))
    models = [GaussianMixture(k, covariance_type=structure, **parameters) for k, structure in grid]
    names = data.feature_names(X)
    X = data.samples(X)
    sample_weight = data.weights(sample_weight, len(X))

    rows = [Row(*combination, reason="interrupted") for combination in grid]
    interrupted = False
    try:
        with shown(progress, len(rows), "fits") as tell:
            for i, model in enumerate(models):
                rows[i] = _fit(model, X, sample_weight)
                tell(i + 1)
    except KeyboardInterrupt:
        if all(row.reason for row in rows):
            raise
        interrupted = True
        done = sum(row.reason != "interrupted" for row in rows)
        warn(f"interrupted after {done} of {len(rows)} fits: this is the best so far")
    if all(row.reason for row in rows):
        raise ValueError(f"none of the {len(rows)} combinations could be fitted; the first one: {rows[0].reason}")
    models = tuple(None if row.reason else model for row, model in zip(rows, models, strict=True))
    for model in filter(None, models):
        model._remember(X.shape[1], names)
    return Selection(tuple(rows), models, interrupted=interrupted).pick(criterion)


def _fit(model, X, sample_weight):
    """Fit one model in place and return its row."""
    combination = model.n_components, model.covariance_type
    start = perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the row says it
            model.fit(X, sample_weight=sample_weight)
            single = GaussianMixture(1, covariance_type=model.covariance_type).fit(X, sample_weight=sample_weight)
        seconds = perf_counter() - start
        n = float(len(X) if sample_weight is None else sample_weight.sum())
        L = n * model.score(X, sample_weight=sample_weight)
        blocks = [slice(i, i + BLOCK) for i in range(0, len(X), BLOCK)]
        parts = [uncertainty(model.predict_proba(X[b]), None if sample_weight is None else sample_weight[b])
                 for b in blocks]
        p = model._n_parameters()
        if not math.isfinite(L):
            raise ArithmeticError(f"the log-likelihood is {L}")
    except (ValueError, ArithmeticError, MemoryError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return Row(*combination, seconds=perf_counter() - start, reason=reason)
    return Row(
        *combination,
        log_likelihood=L,
        n_parameters=p,
        **measures(model.n_components, p, n, L, n * float(single.lower_bound_), *np.sum(parts, axis=0).tolist()),
        converged=model.converged_,
        n_iter=model.n_iter_,
        seconds=seconds,
        n_starts_at_optimum=1,
        report=tuple(model.fit_report_),
    )


def _nested(special, general):
    """Whether every mixture of the first row is one of the second."""
    if special.covariance_type == general.covariance_type:
        return special.n_components < general.n_components
    if special.n_components != general.n_components:
        return False
    mine, its = (covariance.structure(row.covariance_type) for row in (general, special))
    return mine is not its and mine.includes(its)


def _values(rows, models, criterion):
    if callable(criterion):
        return tuple(
            math.nan if row.reason else float(criterion(row, model)) for row, model in zip(rows, models, strict=True)
        )
    values = (getattr(row, criterion) for row in rows)
    return tuple(math.nan if value is None else value for value in values)


def _need(criterion):
    return UNDEFINED.get(criterion, "gave no number") if isinstance(criterion, str) else "gave no number"


def aligned(table):
    """Lines of right-aligned columns, from rows of text; the last cell of a short row runs on to the right."""
    full = [row for row in table if len(row) == len(table[0])]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]

    def line(row):
        *cells, last = row
        cells = [cell.rjust(width) for cell, width in zip(cells, widths, strict=False)]
        return "  ".join([*cells, last.rjust(widths[-1]) if len(row) == len(widths) else last])

    return [line(row) for row in table]


def _texts(values):
    return ["undefined" if math.isnan(value) else f"{value:.2f}" for value in values]


def _cells(row, criteria):
    combination = str(row.n_components), row.covariance_type
    if row.reason:
        return *combination, f"not fitted: {row.reason}"
    iterations = f"{_marks(row)} {row.n_iter}".strip()
    return *combination, f"{row.log_likelihood:.2f}", str(row.n_parameters), *criteria, iterations, f"{row.seconds:.2f}"


def _marks(row):
    """The keys of MARKS that a row deserves."""
    return "~" * bool(row.report) + "?" * row.spurious + "!" * (not row.converged and not row.reason)


def _known(criterion):
    if not callable(criterion) and criterion not in CRITERIA:
        raise ValueError(f"criterion={criterion!r} does not exist; choose one of {', '.join(map(repr, CRITERIA))}, or "
                         "give a function of (row, model)")
    return criterion


def _counts(n_components):
    """Numbers of components as a list without repetitions."""
    counts = list(n_components) if np.iterable(n_components) else [n_components]
    try:
        counts = [operator.index(k) for k in counts]
    except TypeError:
        raise TypeError(f"n_components={n_components!r} must be an integer or several, such as range(1, 11)") from None
    if not counts or min(counts) < 1:
        raise ValueError(f"n_components={n_components!r} must hold at least one number, and only numbers from 1 on")
    return list(dict.fromkeys(counts))


def _structures(covariance_types):
    """Names of covariance structures as a list without repetitions."""
    structures = [covariance_types] if isinstance(covariance_types, str) else list(covariance_types)
    if not structures:
        raise ValueError(f"covariance_types={covariance_types!r} must hold at least one name, such as 'full'")
    for name in structures:
        covariance.structure(name)  # a name that does not exist is an error now, not in every row
    return list(dict.fromkeys(structures))


def _one_seed(random_state):
    """One seed for all fits, where a generator would hand out a different one to each."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return random_state
