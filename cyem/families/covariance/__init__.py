"""Covariance structures: how the covariances of the components are tied to each other.

Each is a small class that knows formulas and no samples; `structure(name)` finds it by any of its names. The letters of
a code say of volume, shape and orientation whether they are equal (E), variable (V) or the identity (I): the
decomposition Sigma_k = volume_k Q_k diag(shape_k) Q_k' of Banfield & Raftery (1993) and Celeux & Govaert (1995).
"""

from .common_axes import CommonAxes
from .diagonal import Diagonal
from .full import Full
from .own_axes import OwnAxes
from .proportional import Proportional
from .spherical import Spherical
from .tied import Tied

STRUCTURES = (
    Spherical("EII"),
    Spherical("VII", "spherical"),
    Diagonal("EEI"),
    Diagonal("VEI"),
    Diagonal("EVI"),
    Diagonal("VVI", "diag"),
    Tied("EEE", "tied"),
    Proportional("VEE"),
    CommonAxes("EVE"),
    CommonAxes("VVE"),
    OwnAxes("EEV"),
    OwnAxes("VEV"),
    OwnAxes("EVV"),
    Full("VVV", "full"),
)
NAMES = {name: structure for structure in STRUCTURES for name in (structure.name, structure.code)}
# what some of the features have, where all have the one, and what volumes of their own make of one with equal ones
SOME = {"EVI": NAMES["VVI"], **dict.fromkeys(("EVE", "VVE", "EEV", "VEV", "EVV"), NAMES["VVV"])}
APART = {"EII": NAMES["VII"], "EEI": NAMES["VVI"], "EEE": NAMES["VVV"]}
ONE_COLUMN = {"E": NAMES["EEI"], "V": NAMES["VVI"]}  # by the letter for volume: one feature has no other


def structure(name):
    """The structure called `name`, by scikit-learn's name or by the code of Banfield & Raftery (1993)."""
    if isinstance(name, str) and name in NAMES:
        return NAMES[name]
    names = ", ".join(s.code if s.name == s.code else f"{s.name!r} ({s.code})" for s in STRUCTURES)
    raise ValueError(f"The 'covariance_type' parameter must be one of {names}. Got {name!r} instead.")


def simplest(asked, d):
    """The structure that fits with d features are made with, where they are asked for in some structure.

    In one column shape and orientation say nothing: all structures of one letter for volume are the same model there,
    and are fitted as the same, so that they come to the same numbers.
    """
    return asked if d > 1 else ONE_COLUMN[asked.code[0]]


def of_some_features(name, apart=False):
    """The name of the least structure that covariances of some of the features have, also given the others.

    name: that of the structure that all have, kept where it is the same. apart: whether components have been scaled by
    numbers of their own, and the structure is one of those that mixtures of t distributions have.
    """
    asked = structure(name)
    found = SOME.get(asked.code, asked)
    found = APART.get(found.code, found) if apart else found
    return name if found is asked else found.name
