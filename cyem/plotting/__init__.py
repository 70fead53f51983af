"""Pictures of mixtures and of the search for one, drawn by matplotlib.

Each picture is a class with the conventions of scikit-learn's displays: `from_estimator` (or `from_selection`, ...)
computes and draws, the constructor takes the data of the picture, `plot` draws it again, `figure_` and `ax_` (or
`axes_`) hold what was drawn, for everything that matplotlib can do with it.
"""

from cyem.notices import not_installed

try:
    import matplotlib  # noqa: F401
except ImportError as _error:
    raise ImportError(not_installed("cyem.plotting", "plot")) from _error

from cyem.plotting.criterion import CriterionDisplay
from cyem.plotting.membership import ResponsibilitiesDisplay, UncertaintyDisplay
from cyem.plotting.merging import MergingDisplay
from cyem.plotting.mixture import MixtureDisplay
from cyem.plotting.projection import ProjectionDisplay
from cyem.plotting.stability import StabilityDisplay
from cyem.plotting.trace import TraceDisplay

__all__ = [
    "CriterionDisplay",
    "MergingDisplay",
    "MixtureDisplay",
    "ProjectionDisplay",
    "ResponsibilitiesDisplay",
    "StabilityDisplay",
    "TraceDisplay",
    "UncertaintyDisplay",
]
