"""What cyem warns of and complains about beyond Python's own errors, and to whom."""

import functools
import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar

PACKAGE = __name__.partition(".")[0]
EXTRAS = {  # and what they install
    "files": ("polars", "fastexcel", "zstandard"), "plot": ("matplotlib",),
}


class NotFittedError(ValueError, AttributeError):
    """A fitted estimator was needed. It is also scikit-learn's class of this name where scikit-learn is loaded.

    See Also
    --------
    GaussianMixture : What has to be fitted.
    load : A mixture that was fitted before.

    Examples
    --------
    >>> from cyem import GaussianMixture, NotFittedError
    >>> try:
    ...     GaussianMixture(2).predict([[0.0]])
    ... except NotFittedError:
    ...     print("fit first")
    fit first
    """

    def __reduce__(self):
        return not_fitted, self.args


class ConvergenceWarning(UserWarning):
    """A fit did not end as it should. It is also scikit-learn's class of this name where scikit-learn is loaded.

    See Also
    --------
    GaussianMixture : Its attribute `fit_report_` tells the same, and more.

    Examples
    --------
    >>> import warnings
    >>> import numpy as np
    >>> from cyem import ConvergenceWarning, GaussianMixture
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     model = GaussianMixture(2, max_iter=1, random_state=0).fit(np.arange(20.0).reshape(-1, 1))
    >>> [issubclass(warning.category, ConvergenceWarning) for warning in caught], model.converged_
    ([True], False)
    """


class DataConversionWarning(UserWarning):
    """Something was given in another shape than is asked for. It is also scikit-learn's class where that is loaded."""


class NamelessWarning(UserWarning):
    """X has no names of features, which those of the fit had."""


def familiar(own):
    """The class `own`, joined with scikit-learn's class of the same name if that is loaded.

    Who catches or filters either of the two gets it.
    """
    theirs = getattr(sys.modules.get("sklearn.exceptions"), own.__name__, None)
    return own if theirs is None else _joined(own, theirs)


@functools.cache
def _joined(own, theirs):
    return type(own.__name__, (own, theirs), {"__doc__": own.__doc__, "__module__": own.__module__})


_muted = ContextVar("_muted", default=())


@contextmanager
def muted(category):
    """Keep what cyem warns of inside, in this thread, to whoever calls: yields the list of messages of a category.

    `warnings.catch_warnings` would change the filters of all threads, and leave them changed where two of them overlap.
    """
    kept = []
    token = _muted.set(((category, kept), *_muted.get()))
    try:
        yield kept
    finally:
        _muted.reset(token)


def warn(message, category=UserWarning):
    """Warn of the line that called cyem, however deep inside cyem this is called; `category` is made `familiar`."""
    for unsaid, kept in _muted.get():
        if issubclass(category, unsaid):
            kept.append(message)
            return
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, familiar(category), stacklevel=level)


def not_installed(what, extra):
    """What an error says where an extra is needed: its packages by name, which are there before any release of cyem."""
    return f"{what} needs the extra {PACKAGE}[{extra}], which is not installed: pip install {' '.join(EXTRAS[extra])}"


def not_fitted(message):
    """The error that a fitted estimator was needed, made `familiar`."""
    return familiar(NotFittedError)(message)


def listed(places):
    """Indices as text."""
    return ", ".join(map(str, places))
