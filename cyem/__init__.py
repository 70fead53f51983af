"""Mixture models fitted by expectation-maximization."""

from .config import show_config
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


# what costs time to import, and where it is: loaded at first use
_LATER = {
    "MixtureClassifier": "selection.discriminant",
    "MixtureRegressor": "models.regressor",
    "examine": "screening.examine",
    "likelihood_ratio_test": "inference.bootstrap",
    "load": "models.load",
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
    return sorted({*globals(), *__all__})
