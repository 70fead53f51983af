"""The classes of rows, as users tell them: of some rows they may not be known."""

import numbers

import numpy as np

from ..notices import DataConversionWarning, warn

UNKNOWN = -1  # the code of rows whose class is not known


def classes_of(y, n, unlabelled):
    """The labels of n rows, and whether these are known (n,)."""
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    if not (unlabelled is None or isinstance(unlabelled, str | numbers.Number)):
        raise TypeError(f"unlabelled must be a number, text or None, got {unlabelled!r}.")
    array = np.asarray(y)
    if array.ndim == 2 and array.shape[1] == 1:
        warn("A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
             "(n_samples,), for example using ravel().", DataConversionWarning)
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {array.shape} instead.")
    if len(array) != n:
        raise ValueError(f"Found input variables with inconsistent numbers of samples: X has {n}, y has {len(array)}.")
    kind = array.dtype.kind
    if kind not in "biufOUST":
        raise TypeError(f"y should hold classes, got dtype {array.dtype}: give integers or text.")
    if kind == "f":
        known = ~np.isnan(array)
        whole = array[known]
        if not (np.isfinite(whole).all() and (whole == np.rint(whole)).all()):
            raise ValueError("Unknown label type: continuous. y has numbers that are not whole, and classes are told "
                             "by integers or text: for targets there is MixtureRegressor.")
    elif kind == "O":
        known = np.array([not missing(label) for label in array], bool)
    else:
        known = np.ones(n, bool)
    if unlabelled is not None and (kind == "O" or isinstance(unlabelled, str) == (kind in "UST")):
        known[known] = [label != unlabelled for label in array[known].tolist()]
    return array, known


def one_each(y, n):
    """The classes of n rows that have one each, to compare predictions with."""
    y = np.asarray(y)
    if y.shape != (n,):
        raise ValueError(f"y has the shape {y.shape}, expected {(n,)}: one class for each row of X.")
    return y


def missing(label):
    """Whether a label says nothing: None, NaN, and what pandas has for it."""
    return label is None or type(label).__name__ in ("NAType", "NaTType") or (
        isinstance(label, float | np.floating) and bool(np.isnan(label)))


def is_label(value):
    """Whether a value may be the label of a class."""
    return isinstance(value, str | bool | int) or (isinstance(value, float) and np.isfinite(value))


def encoded(labels, known):
    """The classes in ascending order, and the place of each row's among them (n,), or UNKNOWN."""
    codes = np.full(len(labels), UNKNOWN)
    try:
        classes, codes[known] = np.unique(labels[known], return_inverse=True)
    except TypeError as error:
        raise TypeError(f"y has labels that cannot be compared: {error}. Give all as text, or all as "
                        "numbers.") from error
    if len(classes) < 2:
        raise ValueError("y must have more than one class among rows of positive weight, but has "
                         f"{classes.tolist()}. What `unlabelled` stands for is no class.")
    return classes, codes
