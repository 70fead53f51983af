"""Covariance structures: how the covariances of the components are tied to each other.

Each is a small class that knows formulas and no samples; `structure(name)` finds it by either of its names.
"""

from .diagonal import Diagonal
from .full import Full
from .spherical import Spherical
from .tied import Tied

STRUCTURES = (Full(), Tied(), Diagonal(), Spherical())
NAMES = {name: structure for structure in STRUCTURES for name in (structure.name, structure.code)}


def structure(name):
    """The structure called `name`, by scikit-learn's name or by the code of Banfield & Raftery (1993)."""
    if isinstance(name, str) and name in NAMES:
        return NAMES[name]
    names = ", ".join(f"{s.name!r} ({s.code})" for s in STRUCTURES)
    raise ValueError(f"The 'covariance_type' parameter must be one of {names}. Got {name!r} instead.")
