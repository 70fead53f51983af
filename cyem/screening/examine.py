"""A look at data before the model: `examine`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..rows import data, door
from ..rows.samples import power_of_two
from .findings import Findings
from .look import Look
from .questions import QUESTIONS, few_observed, few_rows, weights_that_count_nothing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike

WIDE = 200  # columns; of more each is asked too much, and pairs of them are too many
LEAST = 1e-90  # below which, and above the inverse of which, units are changed


def examine(
    X: ArrayLike,
    sample_weight: ArrayLike | None = None,
    n_components: int | Iterable[int] | None = None,
    covariance_types: str | Iterable[str] = "full",
) -> Findings:
    """Look at data before a model is fitted: what of them would a mixture take for groups that are none?

    Rows and columns are asked what follows; nothing is changed. Neither the order of the rows nor the units of the
    columns matter.

    Parameters
    ----------
    X : array-like of shape (n, d)
        Samples, with or without names of the columns and rows. NaN is a missing value.
    sample_weight : array-like of shape (n,), optional
        Weights of a fit to come. Rows of weight 0 are not looked at; else only the sum of the weights matters.
    n_components : int or iterable of int, optional
        Numbers of components that are to be fitted; by default one.
    covariance_types : str or iterable of str, default="full"
        With which covariance structures.

    Returns
    -------
    Findings
        A sequence of `Finding`, each with kind, columns, rows, numbers, said and advice, which prints well. `of(kind)`
        gives those of a kind:

        - "weights": the sum of the weights is no number of rows, as that of shares which sum to 1.
        - "few rows": no more rows than parameters.
        - "few values observed": columns with no more observed values than components have parameters of them.
        - "missing": values that are not there.
        - "constant", "nearly constant": one value in all rows, or in 95 %.
        - "counter": whole numbers, or steps, that number the rows, in whatever order.
        - "relation": columns that others determine, exactly or as far as rounded values can tell, with the equation;
          and a column that only ever grows, or falls, with another one.
        - "few values": a score, a category, or coarse rounding.
        - "repeated value": a value that far more rows hold than the values around it: zeros, caps, codes such as 999.
        - "odd rows": rows that stand alone, beyond a gap, in a column or in a combination of columns; no more than four
          together, for more are a group.
        - "duplicates": rows that repeat others, where rounding does not explain them.
        - "skew": columns that take fewer components on another scale.
        - "heavy tails": columns that one t distribution describes better than several normal ones.

    Raises
    ------
    TypeError, ValueError
        If X, the weights, or what is to be fitted are wrong.

    See Also
    --------
    select : Has the findings of its samples as `findings`.
    StudentMixture : Components that far rows move less.

    Notes
    -----
    A relation between columns has to hold within half a step of rounding of each of them, with a spread that fits to
    that, or to a thousandth of a standard deviation. A repeated value has to be more than chance makes of its
    neighbours' numbers of rows, with a probability of 1e-7. Rows stand alone beyond a gap of 3.5 times the width that
    the last twenty rows before it take. Skewed is a column whose mixture on the other scale has fewer components and a
    BIC lower by 30 or more, heavy-tailed one for which one t distribution has a BIC lower by 10.

    How often that errs, ``python benchmarks/findings.py 4000`` measures. Of 4,000 clean mixtures of one to five normal
    clusters, 80 to 1,500 rows of one to eight columns, something is said of three: heavy tails of two, an odd row of
    one. In 1,000 such sets each, every copy of a column, other unit, sum, constant, counter and score is found, and all
    of two typing errors and of three repeated rows; of zeros in a fifth of the rows 99.7 %, of caps at one standard
    deviation 91 %, of lognormal columns 82 % and of columns of t with two degrees of freedom 65 %, for hundred rows do
    not tell these from two or three clusters.

    Of more than 200 columns nothing is asked but whether rows and weights are enough. Of more than 50,000 rows a part
    is sorted, and all say whether what is seen there holds. A million rows of twenty
    columns take about a second.

    Examples
    --------
    >>> import numpy as np
    >>> import cyem
    >>> rng = np.random.default_rng(0)
    >>> celsius = np.concatenate([rng.normal(5, 3, 100), rng.normal(20, 3, 100)]).round(1)
    >>> X = np.column_stack([celsius, rng.normal(size=200), (1.8 * celsius + 32).round()])
    >>> print(cyem.examine(X))
    200 rows of 3 columns: 1 finding
    - (column 2) = 1.8 (column 0) + 32: leave one of them out, such as column 2
    """
    frame = X = door.scanned(X)
    names, row_names = data.feature_names(X), data.row_names(X)
    X, _ = data.observed(X)
    n, d = X.shape
    weights = data.weights(sample_weight, n, frame)
    rows = np.arange(n) if weights is None else np.flatnonzero(weights)
    X = X if len(rows) == n else X[rows]
    found = [*weights_that_count_nothing(weights, len(rows)), *few_rows(len(rows), d, n_components, covariance_types)]
    if d > WIDE:
        return Findings(found, len(rows), d)
    called = rows if row_names is None else _labels(row_names)[rows]
    look = Look(with_room(X), called, list(range(d)) if names is None else names.tolist())
    found += few_observed(look, n_components)
    for question in QUESTIONS:
        found += question(look)
    return Findings(found, len(rows), d)


def _labels(names):
    """Names as an array of whatever they are."""
    labels = np.empty(len(names), dtype=object)
    labels[:] = names
    return labels


def with_room(X):
    """X in double precision, with columns whose cubes are no numbers in units of a power of two."""
    X = X.astype(np.float64, copy=False)
    size = np.fmax.reduce(np.abs(X), axis=0)
    extreme = (size > 1 / LEAST) | ((size > 0) & (size < LEAST))
    return X / np.where(extreme, power_of_two(size, X.dtype), 1.0) if extreme.any() else X
