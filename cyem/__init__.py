"""Mixture models fitted by expectation-maximization."""

from .config import show_config
from .estimator import ConvergenceWarning, NotFittedError
from .gaussian import GaussianMixture
from .verbs import e_step, m_step

__version__ = "0.1.0"
__all__ = [
    "ConvergenceWarning",
    "GaussianMixture",
    "NotFittedError",
    "e_step",
    "load",
    "m_step",
    "report",
    "select",
    "show_config",
]


# what costs time to import, and where it is: loaded at first use
_LATER = {
    "load": "persistence",
    "report": "reporting",
    "select": "selection",
}


def __getattr__(name):
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
