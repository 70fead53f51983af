"""Pictures of mixtures and of the search for one, drawn by matplotlib.

Each picture is a class with the conventions of scikit-learn's displays: `from_estimator` (or `from_selection`, ...)
computes and draws, the constructor takes the data of the picture, `plot` draws it again, `figure_` and `ax_` (or
`axes_`) hold what was drawn, for everything that matplotlib can do with it.
"""

from ..notices import not_installed

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError(not_installed("cyem.plotting", "plot")) from error

from .criterion import CriterionDisplay
from .membership import ResponsibilitiesDisplay, UncertaintyDisplay
from .merging import MergingDisplay
from .mixture import MixtureDisplay
from .projection import ProjectionDisplay
from .stability import StabilityDisplay
from .trace import TraceDisplay

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
