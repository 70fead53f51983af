"""Mixture models fitted by expectation-maximization."""

from .config import show_config
from .gaussian import GaussianMixture
from .notices import ConvergenceWarning, NotFittedError
from .verbs import e_step, m_step
from .version import __version__

__all__ = [
    "ConvergenceWarning",
    "GaussianMixture",
    "NotFittedError",
    "__version__",
    "e_step",
    "likelihood_ratio_test",
    "load",
    "m_step",
    "merge",
    "report",
    "select",
    "show_config",
    "stability",
    "standard_errors",
]


# what costs time to import, and where it is: loaded at first use
_LATER = {
    "likelihood_ratio_test": "bootstrap",
    "load": "loading",
    "merge": "merging",
    "report": "reporting",
    "select": "selection",
    "stability": "bootstrap",
    "standard_errors": "inference",
}


def __getattr__(name):
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
