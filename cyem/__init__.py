"""Mixture models fitted by expectation-maximization."""

import typing as _typing

# by whole names: of relative imports editors take the modules themselves for public
from cyem.config import config_context, get_config, get_include, set_config, show_config
from cyem.models.gaussian import GaussianMixture
from cyem.models.student import StudentMixture
from cyem.models.verbs import e_step, m_step
from cyem.notices import ConvergenceWarning, NotFittedError
from cyem.version import __version__

__all__ = [
    "ConvergenceWarning",
    "GaussianMixture",
    "MixtureClassifier",
    "MixtureRegressor",
    "NotFittedError",
    "StudentMixture",
    "__version__",
    "config_context",
    "e_step",
    "elsewhere",
    "examine",
    "get_config",
    "get_include",
    "likelihood_ratio_test",
    "load",
    "m_step",
    "merge",
    "report",
    "scan",
    "select",
    "set_config",
    "show_config",
    "stability",
    "standard_errors",
]

if _typing.TYPE_CHECKING:  # for editors and type checkers, which run nothing: what _LATER loads
    from cyem.inference.bootstrap import likelihood_ratio_test, stability
    from cyem.inference.errors import standard_errors
    from cyem.inference.merging import merge
    from cyem.models.regressor import MixtureRegressor
    from cyem.reporting import report
    from cyem.rows.elsewhere import elsewhere
    from cyem.rows.scan import scan
    from cyem.screening.examine import examine
    from cyem.selection.discriminant import MixtureClassifier
    from cyem.selection.load import load
    from cyem.selection.select import select
else:
    # what costs time to import, and where it is: loaded at first use
    _LATER = {
        "_C_API": "embed",
        "MixtureClassifier": "selection.discriminant",
        "MixtureRegressor": "models.regressor",
        "elsewhere": "rows.elsewhere",
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


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
