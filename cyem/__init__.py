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
    "select",
    "show_config",
]


def __getattr__(name):
    """What costs time to import, at first use."""
    if name == "load":
        from .persistence import load

        return load
    if name == "select":
        from .selection import select

        return select
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
