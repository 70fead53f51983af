"""What a mixture is chosen by: formulas of its log-likelihood, its size and its responsibilities. Smaller is better."""

import math
import numbers
from typing import NamedTuple

SHOWN = ("bic", "aic", "icl")  # columns of short tables; the criterion that chooses is one more
TITLES = {
    "bic": "BIC",
    "aic": "AIC",
    "aicc": "AICc",
    "icl": "ICL",
    "nec": "NEC",
    "entropy": "entropy",
    "cv": "CV",  # -2 times the log-likelihood of samples left out
}
CRITERIA = tuple(TITLES)
UNDEFINED = {
    "aicc": "needs more samples than parameters + 1",
    "nec": "needs a log-likelihood above that of a single component of the same structure",
    "cv": "is computed only when asked for, by criterion='cv', at the end, and needs every part of the samples fitted",
}
NOT_FINITE = "gave no finite number"
MARKS = {
    "!": "! stopped before convergence: raise max_iter",
    "~": "~ something out of the ordinary, such as a component as thin as reg_covar allows: see the report of the row",
    "?": "? spurious: a component owes its likelihood to a few rows or to none of the width; not chosen",
}


def measures(k, p, n, log_likelihood, single, classification, entropy):
    """Every criterion that one pass over the samples gives.

    Parameters
    ----------
    k, p : int
        Number of components, and of free parameters.
    n : float
        Number of samples, or the sum of their weights.
    log_likelihood, single : float
        L of all samples together, and L_1, that of a single component of the same structure.
    classification, entropy : float
        Sum over samples of log max_k r_k, and of -sum_k r_k log r_k, with r the responsibilities.

    Returns
    -------
    dict of float
        bic = p log n - 2 L (Schwarz 1978); aic = 2 p - 2 L (Akaike 1974); aicc = aic + 2 p (p + 1) / (n - p - 1)
        (Hurvich & Tsai 1989); icl = bic - 2 sum log max r (Biernacki, Celeux & Govaert 2000, with the partition that
        mclust takes); nec = entropy / (L - L_1), one for a single component (Biernacki, Celeux & Govaert 1999);
        entropy. NaN where one is not defined: see UNDEFINED.

    Examples
    --------
    >>> measures(2, 5, 50, -100.0, -150.0, -1.0, 2.0)["nec"]
    0.04
    """
    bic, aic = p * math.log(n) - 2 * log_likelihood, 2 * p - 2 * log_likelihood
    gain = log_likelihood - single
    nec = entropy / gain if gain > 0 else math.nan
    return {
        "bic": bic,
        "aic": aic,
        "aicc": aic + 2 * p * (p + 1) / (n - p - 1) if n > p + 1 else math.nan,
        "icl": bic - 2 * classification,
        "nec": 1.0 if k == 1 else nec,
        "entropy": entropy,
    }


def entropy(samples, density):
    """Sum over samples of -sum_k r_k log r_k, with r the responsibilities under a density.

    Parameters
    ----------
    samples : Samples, or other rows
    density : Density

    Returns
    -------
    float
    """
    return float(samples.entropies(density) / samples.unit * samples.total / samples.mass)


def known(criterion):
    """The criterion, if it is one of CRITERIA or a function."""
    if not callable(criterion) and criterion not in CRITERIA:
        raise ValueError(f"criterion={criterion!r} does not exist; choose one of {', '.join(map(repr, CRITERIA))}, or "
                         "give a function of (row, model)")
    return criterion


def title(criterion):
    """What people call a criterion: one of CRITERIA, a function, or what already is a title."""
    if isinstance(criterion, str):
        return TITLES.get(criterion, criterion)
    name = getattr(criterion, "__name__", "")
    return name if name.isidentifier() else "criterion"


class UndefinedCriterion(ValueError):
    """The criterion that was to choose is defined for no row. `selection` is the table, chosen from by another one."""

    def __init__(self, message, selection=None):
        super().__init__(message)
        self.selection = selection


class Answer(NamedTuple):
    """What a criterion is for a row, NaN where it is not defined, and why it is not."""

    value: float
    reason: str = ""


def answers(rows, models, criterion):
    """What a criterion is for each row; rows without a fit say themselves why there is none."""
    if callable(criterion):
        return tuple(Answer(math.nan) if model is None else _asked(criterion, row, model)
                     for row, model in zip(rows, models, strict=True))
    return tuple(_own(criterion, row) for row in rows)


def _own(criterion, row):
    """What one of CRITERIA is for a row."""
    value = getattr(row, criterion)
    if value is None or math.isnan(value):
        return Answer(math.nan, "" if row.reason else UNDEFINED.get(criterion, NOT_FINITE))
    return Answer(value)


def _asked(criterion, row, model):
    """What a user's function is for a row."""
    try:
        value = criterion(row, model)
    except Exception as error:
        return Answer(math.nan, " ".join(f"raised {type(error).__name__}: {error}".split()))
    if not isinstance(value, numbers.Real):
        return Answer(math.nan, f"gave {value!r}, which is no number")
    return Answer(float(value)) if math.isfinite(value) else Answer(math.nan, NOT_FINITE)


def tried(criterion, row, model):
    """A function that gives no number is an error before the search takes its time; where one raises, others may do."""
    try:
        value = criterion(row, model)
    except Exception:
        return
    if not isinstance(value, numbers.Real):
        raise TypeError(f"criterion={criterion!r} gave {value!r} for {row.title}: it must return a number, the "
                        "smaller the better (NaN, inf: not defined)")


def marks(row):
    """The keys of MARKS that a row deserves."""
    return "~" * bool(row.report) + "?" * row.spurious + "!" * (not row.converged and not row.reason)
