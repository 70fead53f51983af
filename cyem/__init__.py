"""Mixture models fitted by expectation-maximization."""

import typing as _typing

from .config import get_include, show_config
from .models.gaussian import GaussianMixture
from .models.student import StudentMixture
from .models.verbs import e_step, m_step
from .notices import ConvergenceWarning, NotFittedError
from .version import __version__

__all__ = [
    "ConvergenceWarning",
    "GaussianMixture",
    "MixtureClassifier",
    "MixtureRegressor",
    "NotFittedError",
    "StudentMixture",
    "__version__",
    "e_step",
    "examine",
    "get_include",
    "likelihood_ratio_test",
    "load",
    "m_step",
    "merge",
    "report",
    "scan",
    "select",
    "show_config",
    "stability",
    "standard_errors",
]

if _typing.TYPE_CHECKING:  # for editors and type checkers, which run nothing: what _LATER loads
    from .inference.bootstrap import likelihood_ratio_test, stability
    from .inference.errors import standard_errors
    from .inference.merging import merge
    from .models.regressor import MixtureRegressor
    from .reporting import report
    from .rows.scan import scan
    from .screening.examine import examine
    from .selection.discriminant import MixtureClassifier
    from .selection.load import load
    from .selection.select import select

# what costs time to import, and where it is: loaded at first use
_LATER = {
    "_C_API": "embed",
    "MixtureClassifier": "selection.discriminant",
    "MixtureRegressor": "models.regressor",
    "examine": "screening.examine",
    "likelihood_ratio_test": "inference.bootstrap",
    "load": "selection.load",
    "merge": "inference.merging",
    "report": "reporting",
    "scan": "rows.scan",
    "select": "selection.select",
    "stability": "inference.bootstrap",
    "standard_errors": "inference.errors",
}


def __getattr__(name):
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
