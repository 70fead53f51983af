"""Which mixture fits best: every number of components with every covariance structure, and the table of answers."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, overload

import numpy as np

from .. import threads
from ..em import start
from ..families import covariance
from ..lazy import cached_property
from ..models import asked, steps
from ..models.estimator import defaults
from ..models.gaussian import GaussianMixture
from ..models.student import StudentMixture
from ..notices import warn
from ..rows import data, door
from ..rows.arrays import given
from ..rows.samples import SERIAL
from ..screening.examine import examine
from ..screening.findings import Findings, columns_listed
from ..screening.questions import weights_that_count_nothing
from ..show.frames import to_frame
from ..show.progress import shown
from ..show.text import aligned, folded, plural, precision, time
from ..workers import Stopped, Workers
from .contest import Settings
from .criteria import MARKS, NOT_FINITE, SHOWN, UndefinedCriterion, answers, known, marks, measures, title, tried
from .fits import Fits, Gaps
from .grid import Grid
from .verdict import Seen, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Literal, TypeAlias

    from numpy.typing import ArrayLike

    from ..rows.types import Feature, Progress, RandomState, Rows
    from .criteria import Answer
    from .verdict import Verdict

ROUNDING = 1e-9  # of a log-likelihood: less is no violation of nesting
FOLDS = 10  # of a cross-validation
SINGLE = {"callback", "verbose", "verbose_interval", "warm_start", "search", "n_moves", "held", "prior"}  # one fit's


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
    report: tuple[str, ...] = ()
    reason: str = ""

    @property
    def title(self) -> str:
        """What the model is called: how many components of which structure."""
        return f"{plural('component', self.n_components)}, {self.covariance_type}"


class Violation(NamedTuple):
    """Two rows of which the more general one has the lower likelihood."""

    special: Row
    general: Row
    loss: float


M = TypeVar("M", GaussianMixture, StudentMixture)
if TYPE_CHECKING:
    Criterion: TypeAlias = str | Callable[[Row, Any], float]


@dataclass(frozen=True, eq=False, repr=False)
class Selection(Generic[M]):
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
    findings : Findings
        What `cyem.examine` found in the samples.
    aside : tuple of str or int
        The columns that were left out, as others determine them; the models take samples with them all the same.
    seen : Seen or None
        The samples, or an even part of very many, that `verdict` looks at.
    """

    rows: tuple[Row, ...]
    models: tuple[M | None, ...]
    criterion: Criterion = "bic"
    interrupted: bool = False
    findings: Findings = field(default_factory=Findings)
    aside: tuple[Feature, ...] = ()
    seen: Seen | None = None

    @property
    def best_row(self) -> Row:
        """The row with the smallest criterion; of equal ones the first; a spurious one only if there is no other."""
        return self.rows[self._best]

    @property
    def best_(self) -> M:
        """The fitted model of `best_row`."""
        return self.models[self._best]

    @cached_property
    def _best(self):
        values = self.values()
        defined = [i for i, value in enumerate(values) if not math.isnan(value)]
        return min(defined, key=lambda i: (self.rows[i].spurious, values[i]))

    def values(self, criterion: Criterion | None = None) -> tuple[float, ...]:
        """What a criterion is for each row: a tuple of float, NaN where there is none; by default the one that chooses.

        Parameters
        ----------
        criterion : str or callable, optional

        Returns
        -------
        tuple of float

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import select
        >>> X = np.concatenate([np.arange(20.0), np.arange(100.0, 120.0)])[:, None]
        >>> selection = select(X, [1, 2], "full", random_state=0)
        >>> len(selection.values()), selection.values("aic")[0] == selection.rows[0].aic
        (2, True)
        """
        return tuple(answer.value for answer in self.answers(criterion))

    def answers(self, criterion: Criterion | None = None) -> tuple[Answer, ...]:
        """What `values` gives, with the reasons.

        Parameters
        ----------
        criterion : str or callable, optional

        Returns
        -------
        tuple of Answer
            value and reason: why there is none; empty where there is one, and for rows without a fit, which say it.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import select
        >>> X = np.concatenate([np.arange(20.0), np.arange(100.0, 120.0)])[:, None]
        >>> selection = select(X, [1, 2], "full", random_state=0)
        >>> selection.answers("cv")[0].reason
        "is computed only when asked for, by criterion='cv', at the end, and needs every part of the samples fitted"
        """
        if criterion is None or criterion == self.criterion:
            return self._own_answers
        return answers(self.rows, self.models, known(criterion))

    @cached_property
    def _own_answers(self):
        return answers(self.rows, self.models, self.criterion)

    def pick(self, criterion: Criterion) -> Selection[M]:
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

        Warns
        -----
        UserWarning
            If a function raises, or gives no number, for some rows: it is not defined for these.

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import select
        >>> X = np.concatenate([np.arange(20.0), np.arange(100.0, 120.0)])[:, None]
        >>> selection = select(X, [1, 2], "full", random_state=0)
        >>> selection.pick("icl").best_row.title
        '2 components, full'
        """
        other = replace(self, criterion=known(criterion))
        answers = other.answers()
        if all(math.isnan(answer.value) for answer in answers):
            reason = next(answer.reason for answer in answers if answer.reason)
            raise UndefinedCriterion(f"criterion={criterion!r} is not defined for any row: it {reason}", self)
        failed = [(row, answer.reason) for row, answer in zip(self.rows, answers, strict=True)
                  if answer.reason not in ("", NOT_FINITE)]
        if callable(criterion) and failed:
            row, reason = failed[0]
            warn(f"criterion={criterion!r} is not defined for {len(failed)} of {len(answers)} rows; the first, "
                 f"{row.title}: it {reason}")
        return other

    @property
    def nesting_violations(self) -> tuple[Violation, ...]:
        """Pairs of rows of which the more general one has the lower likelihood: empty when the table is sound.

        More general are structures each letter of whose code allows as much or more (I < E < V), and more components
        of the same structure (of equal weights: a multiple of them). Spurious rows are no measure for others.
        """
        fitted = [row for row in self.rows if not row.reason]
        models = [model for model in self.models if model is not None]
        equal_weights = any(model.equal_weights for model in models)
        d = max((model.n_features_in_ for model in models), default=2)  # without any, letters mean what they say
        return tuple(
            Violation(special, general, special.log_likelihood - general.log_likelihood)
            for special in fitted
            for general in fitted
            if not special.spurious
            and special.log_likelihood - general.log_likelihood > ROUNDING * max(1.0, abs(special.log_likelihood))
            and _nested(special, general, d, equal_weights)
        )

    def __str__(self) -> str:
        return f"{self.table}\n{self.verdict}"

    __repr__ = __str__

    @property
    def table(self) -> str:
        """The rows as text, and which is the best."""
        shown = dict.fromkeys([*SHOWN, self.criterion])
        answers = [self.answers(criterion) for criterion in shown]
        columns = [_texts([answer.value for answer in column]) for column in answers]
        head = ("", "k", "structure", "log-lik.", "df", *map(_name, shown), "iter.", "seconds")
        rows = zip(self.rows, zip(*columns, strict=True), strict=True)
        table = [head, *((("*" if row is self.best_row else ""), *_cells(row, values)) for row, values in rows)]
        legend = [text for mark, text in MARKS.items() if any(mark in marks(row) for row in self.rows)]
        legend += dict.fromkeys(
            f"undefined: {_name(criterion)} {answer.reason}"
            for criterion, column in zip(shown, answers, strict=True) for answer in column if answer.reason
        )
        if self.aside:
            legend.append(f"set aside, as others determine {'it' if len(self.aside) == 1 else 'them'}: "
                          f"{columns_listed(self.aside)}")
        return "\n".join([*aligned(table), *map(folded, [f"* {self.choice}", *legend]), *self.findings.text])

    @property
    def choice(self) -> str:
        """Which is the best, as a line of text."""
        return f"best by {_name(self.criterion)} (smaller is better): {self.best_row.title}"

    @cached_property
    def verdict(self) -> Verdict:
        """Whether the data are separate groups, one cloud that several components describe, or that cannot be told.

        A `Verdict`: `kind`, `headline`, `reasons`, `next_step`, `n_groups` and `group_of`, which has the group of each
        component of `best_`. Made when it is first asked for, in a small part of the time of the search.
        """
        return judged(self, self.seen)

    def to_frame(self) -> Any:
        """The table as a data frame of pandas or Polars: a row for each model, with the fields of `Row` and `best`.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import select
        >>> X = np.concatenate([np.arange(20.0), np.arange(100.0, 120.0)])[:, None]
        >>> selection = select(X, [1, 2], "full", random_state=0)
        >>> table = selection.to_frame()
        >>> table["n_components"].to_list(), table["best"].to_list()
        ([1, 2], [False, True])
        """
        columns = {name: [getattr(row, name) for row in self.rows] for name in Row._fields}
        columns["report"] = ["; ".join(row.report) for row in self.rows]
        columns["best"] = [row is self.best_row for row in self.rows]
        return to_frame(columns)

    def _repr_html_(self):
        """The best of the table, for notebooks."""
        from .html import selection_summary

        return str(selection_summary(self))


@overload
def select(
    X: Rows,
    n_components: int | Iterable[int] = range(1, 11),
    covariance_types: str | Iterable[str] = ("full", "tied", "diag", "spherical"),
    criterion: Criterion = "bic",
    *,
    family: Literal["gaussian"] = "gaussian",
    n_init: int = 2,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    time_budget: float | None = None,
    sample_weight: ArrayLike | None = None,
    progress: Progress = None,
    **parameters: Any,
) -> Selection[GaussianMixture]: ...
@overload
def select(
    X: Rows,
    n_components: int | Iterable[int] = range(1, 11),
    covariance_types: str | Iterable[str] = ("full", "tied", "diag", "spherical"),
    criterion: Criterion = "bic",
    *,
    family: Literal["student"],
    n_init: int = 2,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    time_budget: float | None = None,
    sample_weight: ArrayLike | None = None,
    progress: Progress = None,
    **parameters: Any,
) -> Selection[StudentMixture]: ...
def select(
    X,
    n_components=range(1, 11),
    covariance_types=("full", "tied", "diag", "spherical"),
    criterion="bic",
    *,
    family="gaussian",
    n_init=2,
    random_state=None,
    n_jobs=None,
    time_budget=None,
    sample_weight=None,
    progress=None,
    **parameters,
):
    """Fit every number of components with every covariance structure and choose the best by a criterion.

    The grid is searched as a whole: each fit is a start for its neighbours, split into more components, merged into
    fewer, or as it is for the structures that it is a special case of. So no model of the table has a lower likelihood
    than a special case of it, be it fewer components or a structure whose letters allow less.

    With one feature all structures with the same letter for volume are one model, such as 'full', 'diag' and
    'spherical'. It is fitted once, and its rows differ in nothing but the name: `seconds` too are those of that fit.

    A combination that cannot be fitted, such as more components than different samples, is a row of the table that says
    why; the others are fitted all the same. Ctrl-C ends the search with a warning and gives the best so far.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features), or what `cyem.scan` takes
        Samples.
    n_components : int or iterable of int, default=range(1, 11)
        Numbers of components to try.
    covariance_types : str or iterable of str, default=("full", "tied", "diag", "spherical")
        Covariance structures to try, by any name that `GaussianMixture` takes; "all" are the 14 codes, or
        those that the family has.
    criterion : str or callable, default="bic"
        What the best model minimises. With L the log-likelihood, p the number of free parameters, n the sum of weights
        and r the responsibilities: "bic" is -2 L + p log(n), "aic" -2 L + 2 p, "aicc" aic + 2 p (p + 1) / (n - p - 1),
        "icl" bic - 2 sum_i w_i log(max_k r_ik), "entropy" -sum_ik w_i r_ik log(r_ik), "nec" entropy / (L - L_1) with
        L_1 of one component (1 for one component), "cv" -2 times the log-likelihood of samples left out, by ten folds
        (each fit begins at the one to all samples). A function is called with a row and its model: with those of the
        first fit as a trial, and with all at the end. Where it gives NaN or infinity, or raises, the model is out of
        the question.
    family : {'gaussian', 'student'}, default='gaussian'
        'student' fits mixtures of t distributions, each a `StudentMixture`, with the four structures that these have.
        Between their maxima there are no moves: fits start from seeds and from their special cases.
    n_init : int, default=2
        Starts from random seeds for each combination, beside those from its neighbours; of all only the most promising
        go on after some iterations, on a part of the samples where these are many.
    random_state : int, RandomState, Generator or None, default=None
        Source of the random numbers. The table is the same for any `n_jobs` and `n_threads`.
    n_jobs : int or None, default=None
        Combinations to fit at a time, by threads with `n_threads` (by default one) each; -1: one for each core. None:
        that too, but one at a time where a pass over the samples is so short that threads would wait for each other.
    time_budget : float, optional
        Seconds after which the search ends. Rows that were not reached say so; the others are as good as time allowed.
    sample_weight : array-like of shape (n_samples,), optional
        Weight of each sample; 2 is the sample twice, 0 is the sample gone.
    progress : bool, None or callable, default=None
        Whether to show how far the search is; None: on a terminal and in a notebook, after a second. A function is
        called as ``progress(done, total, seconds)`` after each fit, with the time since the start.
    **parameters
        Anything else that the estimator of the family takes, for every fit alike, but for what concerns one fit by
        itself (`search`, `n_moves`, `warm_start`, `verbose`, `verbose_interval`, `callback`, and `held`: fits of a
        search split and merge components, and what is held does not). A start that these give, such as `init_params`,
        takes the place of the seeds.

    Returns
    -------
    Selection
        The table: prints well, with `best_` (fitted model), `verdict` (are its components groups?), `rows` (records),
        `pick` (another criterion) and `findings` (what `cyem.examine` says of the samples).

    Raises
    ------
    TypeError, ValueError
        If X, the weights, the grid or a parameter are wrong, or if no combination could be fitted. If the criterion is
        defined for none, the error has the table as its `selection`.

    Warns
    -----
    UserWarning
        If a column of X holds the same value in every row, if a function that is the criterion fails for some rows, or
        after Ctrl-C.

    See Also
    --------
    examine : A look at the data before.
    report : A page on the answer.
    likelihood_ratio_test : k components against k + 1, with a probability.
    cyem.plotting.CriterionDisplay : A picture of the table.

    Notes
    -----
    Where covariances may differ, the likelihood has maxima without meaning: a component on a few samples that happen to
    lie close together, or on a line (McLachlan & Peel 2000, section 3.10). A row is spurious that has a component of no
    more width in some direction than `reg_covar` allows, or one with the weight of at most 3 (d + 1) samples whose
    size, the 2d-th root of the determinant of its covariance matrix, is below a third of the mean size of the others:
    three times the samples that span a volume at all cannot tell such a volume from chance. More than d + 1 samples are
    none that lie so far from all others that hardly one of these would be expected there. The search prefers other
    maxima, and the best row is a spurious one only if there is no other.

    References
    ----------
    BIC: Schwarz 1978, "Estimating the dimension of a model"; Fraley & Raftery 2002. ICL: Biernacki, Celeux & Govaert
    2000, "Assessing a mixture model for clustering with the integrated completed likelihood". NEC: Biernacki, Celeux &
    Govaert 1999, "An improvement of the NEC criterion". Cross-validation: Smyth 2000, "Model selection for
    probabilistic clustering using cross-validated likelihood". Starts from other structures: compare Scrucca & Raftery
    2015, "Improved initialisation of model-based clustering using Gaussian hierarchical partitions".

    Examples
    --------
    >>> import numpy as np
    >>> from cyem import select
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(-3, 1, (200, 2)), rng.normal(3, 1, (200, 2))])
    >>> selection = select(X, n_components=range(1, 4), random_state=0)
    >>> selection.best_.n_components, selection.verdict.kind
    (2, 'separate groups')
    """
    known(criterion)
    made_by = asked.family(family)
    names = asked.structures(covariance_types, made_by)
    if made_by._heavy and np.ndim(parameters.get("degrees_of_freedom", "own")):
        raise ValueError(f"degrees_of_freedom={parameters['degrees_of_freedom']!r} must be 'own', 'shared' or one "
                         "number here, as the number of components varies")
    parameters |= {"n_init": n_init, "random_state": _one_seed(random_state)}
    _check(n_jobs, time_budget, parameters, made_by)
    X = door.scanned(X)
    problem = Shared(X, sample_weight, parameters, made_by)
    counts = asked.counts(n_components, len(problem.X))
    if criterion == "cv" and not problem.in_memory:
        raise ValueError("criterion='cv' fits to parts of the rows, and these are read block by block: choose another "
                         "criterion, such as 'bic', or give the rows as an array.")
    # whose rows are not in memory, nothing is asked of: what is odd is a matter of single rows
    findings = examine(X, sample_weight, counts, names) if problem.in_memory else Findings()
    if made_by._heavy:
        findings = findings.without("heavy tails")  # whose remedy this is
    if parameters.get("means_init") is None and parameters.get("precisions_init") is None:
        problem.leave_out(findings.determined(problem.columns))
    problem.points = findings.points(problem.columns)
    models = {(k, name): made_by(k, covariance_type=name, **parameters) for k in counts for name in names}
    d = problem.X.shape[1]
    cells = {(k, name): (k, steps.begun(model, d, problem.names, problem.used).code)
             for (k, name), model in models.items()}
    reasons = {name: problem.reason(model) for name, model in models.items()}
    wanted = {}  # cells, and the first combination that each is wanted for
    for name, cell in cells.items():
        if not reasons[name]:
            wanted.setdefault(cell, name)
    if not wanted:
        raise _nothing(reasons.values())

    n_jobs = problem.jobs(n_jobs, max(counts))
    workers = Workers(n_jobs, math.inf if time_budget is None else perf_counter() + time_budget)
    settings = problem.settings({cell: models[name] for cell, name in wanted.items()})
    moves = made_by._moves and getattr(problem.model, "background", False) is False
    grid = Fits if not moves else Grid if problem.complete else Gaps
    search = grid(problem.mixtures({code for _, code in wanted}), list(wanted), settings, workers.check)
    total, cv, missing = 2 * len(wanted), {}, ""

    def row(name):
        if reasons[name]:
            return Row(*name, reason=reasons[name])
        return _row(models[name], search, cells[name], cv, missing)

    try:
        with workers, shown(progress, total) as tell:
            for done, cell in enumerate(search.run(workers), 1):
                if done == 1 and callable(criterion):
                    tried(criterion, row(wanted[cell]), models[wanted[cell]])
                tell(min(done, total))
            if done < total:
                tell(total)
            if criterion == "cv":
                cv |= workers.run(search.held_out(problem.folds()))
    except Stopped:
        missing = f"not reached within time_budget={time_budget}"
    except KeyboardInterrupt:
        if not search.found:
            raise
        missing = "interrupted"
        warn(f"interrupted after {len(search.found)} of {len(wanted)} fits: this is the best so far")
    rows = tuple(map(row, models))
    if all(row.reason for row in rows):
        raise _nothing(row.reason for row in rows)
    fitted = tuple(None if row.reason else model for row, model in zip(rows, models.values(), strict=True))
    seen = problem.seen()
    found = Selection(rows, fitted, interrupted=bool(missing), findings=findings, aside=problem.aside, seen=seen)
    return _chosen(found, criterion)


def _nothing(reasons):
    """The error where there is no row with a fit."""
    first, *others = reasons
    return ValueError(f"none of the {1 + len(others)} combinations could be fitted; the first one: {first}")


def _chosen(selection, criterion):
    """The selection by a criterion; where none of it can be had, nothing of the search is lost."""
    try:
        return selection.pick(criterion)
    except UndefinedCriterion as error:
        error.add_note("The search is not lost: the `selection` of this error is its table, whose `pick` takes another "
                       "criterion.")
        raise
    except KeyboardInterrupt:
        warn(f"interrupted while criterion={criterion!r} was asked: {selection.criterion} chooses, `pick` asks again")
        return replace(selection, interrupted=True)


class Shared:
    """The samples as all fits of a grid see them, with what these have in common.

    Parameters
    ----------
    X, sample_weight : as for `select`
    parameters : dict
        Those of the estimator.
    made_by : type
        The estimator.
    """

    def __init__(self, X, sample_weight, parameters, made_by=GaussianMixture):
        frame = X = door.scanned(X)
        self.names = data.feature_names(X)
        X, self.complete = door.taken(X)
        self.X, self.weights, self.kept = data.counted(X, sample_weight, frame)
        if not self.complete:
            data.columns_without_values(self.X, self.names)
        self.parameters = parameters
        self.model = made_by(**parameters)
        self.seed = int(start.generator(self.model.random_state).integers(2**63))
        self.in_memory = not isinstance(self.X, door.Streamed)
        if not self.in_memory:
            self.X, self.complete = self.X.drawn_by(np.random.default_rng(self.seed)), self.X.survey.complete
        rows = given(self.X, self.weights)
        self.looked = rows.looked
        most, least = np.fmax.reduce(rows.extremes, axis=0), np.fmin.reduce(rows.extremes, axis=0)
        if len(self.X) > 1 and len(constant := np.flatnonzero(most == least)):
            labels = constant if self.names is None else self.names[constant]
            warn(f"X has the same value in every row of column {', '.join(map(repr, labels.tolist()))}, which tells "
                 "nothing, and makes spurious what may be thin there: leave it out.")
        for finding in weights_that_count_nothing(self.weights, len(self.X)):
            warn(f"{finding.said}: {finding.advice}")
        self.used, self.aside, self.points = None, (), ()

    @property
    def columns(self):
        """What the columns are called: by number, where they have no names."""
        return list(range(self.X.shape[1])) if self.names is None else self.names.tolist()

    def leave_out(self, places):
        """Go on without the columns at some places."""
        if places:
            columns = self.columns
            self.used, self.aside = np.ones(len(columns), bool), tuple(columns[place] for place in places)
            self.used[list(places)] = False
            self.X = np.ascontiguousarray(self.X[:, self.used])
            self.looked = (np.ascontiguousarray(self.looked[0][:, self.used]), *self.looked[1:])
            self.names = None if self.names is None else self.names[self.used]
            self.complete = self.complete or not np.isnan(self.X).any()

    def reason(self, model):
        """Why a combination cannot be fitted, or nothing."""
        k, name, (n, d) = model.n_components, model.covariance_type, self.X.shape
        least = covariance.simplest(covariance.structure(name), d).least_samples(k, d)
        n = min(n, distinct(self.looked[0], max(k, least)))
        if k > n:
            return f"{k} components need {k} different samples, and X has {n}"
        if least > n:
            return (f"{name} needs {least} different samples for {plural('component', k)} in "
                    f"{plural('dimension', d)}, and X has {n}")
        error = steps.refusal(model, d)
        return "" if error is None else _said(error)

    def jobs(self, n_jobs, k):
        """How many fits at a time."""
        n, d = self.X.shape
        if n_jobs is None and n * k * (d * d + 20) < SERIAL:
            return 1
        return threads.resolve(self.model.n_threads if n_jobs is None else None if n_jobs == -1 else n_jobs)

    def mixtures(self, codes):
        """The problem for each structure, {code: Problem}."""
        n_threads = 1 if self.model.n_threads is None else threads.resolve(self.model.n_threads)
        return {code: steps.problem(self.model, self.X, self.weights, code, n_threads) for code in codes}

    def settings(self, models=None):
        """What fits have in common. models: for each cell the one that knows of the starts that a user gives."""
        model = self.model
        given = {"init_params", "weights_init", "means_init", "precisions_init"} & self.parameters.keys()
        return Settings(model.tol, model.max_iter, model.acceleration is not None,
                        model.n_init, self.seed, partial(self._begin, models) if given else None, self.points)

    def _begin(self, models, mixture, k, rng):
        """First parameters as the user has them."""
        return steps.first(models[k, mixture.structure.code], mixture, self.X, self.kept, rng)

    def seen(self):
        """What a verdict looks at."""
        seen = Seen.of(*self.looked, self.points)
        return seen if self.in_memory else seen._replace(total=self.X.survey.total)

    def folds(self):
        """With whom each sample is left out (n,)."""
        n = len(self.X)
        return np.random.default_rng(self.seed).permutation(n) % min(n, FOLDS)


def distinct(X, most):
    """The number of different rows of X, or `most` if there are more."""
    size = 2 * most
    while (count := len(np.unique(data.as_bytes(X[:size])))) < most and size < len(X):
        size *= 4
    return min(count, most)


def _row(model, search, cell, cv, missing):
    """The row of one combination, whose model is set to what was found."""
    combination = model.n_components, model.covariance_type
    found = search.found.get(cell)
    if found is None:
        error = search.failed.get(cell)
        reason = missing if error is None else _said(error)
        return Row(*combination, reason=reason)
    steps.ended(model, found.mixture, found.fit)  # the row says what there is to say
    n, p = found.mixture.samples.total, model._n_parameters()
    L, single = float(n * found.value), float(n * search.single(cell[1]))
    held_out = cv.get(cell)
    return Row(
        *combination,
        log_likelihood=L,
        n_parameters=p,
        **measures(cell[0], p, n, L, single, found.classification, found.entropy),
        cv=math.nan if isinstance(held_out, Exception) else held_out,
        converged=model.converged_,
        n_iter=model.n_iter_,
        seconds=found.seconds,
        n_starts_at_optimum=found.arrivals,
        spurious=bool(found.spurious),
        report=(*model.fit_report_, *([f"spurious: {found.spurious}"] if found.spurious else [])),
    )


def _said(error):
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _check(n_jobs, time_budget, parameters, made_by):
    if "covariance_type" in parameters:
        raise TypeError(f"covariance_type={parameters['covariance_type']!r}: name the structures to try by "
                        "covariance_types, one or several")
    if unknown := sorted(parameters.keys() - defaults(made_by).keys()):
        name = unknown[0]
        raise TypeError(f"{name}={parameters[name]!r}: neither select nor {made_by.__name__} has such a parameter")
    if unused := SINGLE & parameters.keys():
        raise TypeError(f"{', '.join(f'{name}={parameters[name]!r}' for name in sorted(unused))}: concerns a fit by "
                        "itself, and not a search over many; leave it out (progress=... tells how far a search is)")
    for name, value in parameters.items():
        if isinstance(value, list | tuple) and isinstance(defaults(made_by)[name], bool | int | float | str):
            raise TypeError(f"{name}={value!r}: structures and numbers of components are what a search compares; ask "
                            f"once for each {name}, and compare the best_row.bic of the answers")
    if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, numbers.Integral)
                               or not (n_jobs == -1 or n_jobs >= 1)):
        raise ValueError(f"n_jobs must be None, -1 (all cores) or an integer >= 1, got {n_jobs!r}.")
    if time_budget is not None and (isinstance(time_budget, bool) or not isinstance(time_budget, numbers.Real)
                                    or not time_budget > 0):
        raise ValueError(f"time_budget must be None or a number of seconds > 0, got {time_budget!r}.")


def _nested(special, general, d, equal_weights):
    """Whether every mixture of d features of the first row is one of the second."""
    mine, its = (covariance.simplest(covariance.structure(row.covariance_type), d) for row in (general, special))
    if mine is its:
        multiple = not equal_weights or general.n_components % special.n_components == 0
        return special.n_components < general.n_components and multiple
    return special.n_components == general.n_components and mine.includes(its)


def _name(criterion):
    """What a criterion is called in a table: a word."""
    return criterion if isinstance(criterion, str) else title(criterion)


def _texts(values):
    long = any(abs(value) >= 1e5 for value in values)  # a decimal less, and the table fits a terminal
    form = precision(values, large=1 if long else 2)
    return ["undefined" if math.isnan(value) else f"{value:{form(value)}}" for value in values]


def _cells(row, criteria):
    combination = str(row.n_components), row.covariance_type
    if row.reason:
        return *combination, f"not fitted: {row.reason}"
    iterations = f"{marks(row)} {row.n_iter}".strip()
    return *combination, f"{row.log_likelihood:.2f}", str(row.n_parameters), *criteria, iterations, time(row.seconds)


def _one_seed(random_state):
    """One seed for all fits, where a generator would hand out a different one to each."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return random_state
