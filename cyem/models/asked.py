"""Which models are asked for: families, numbers of components, and covariance structures."""

import operator
from itertools import islice

import numpy as np

from ..families import covariance
from ..show.text import plural
from .gaussian import GaussianMixture
from .student import StudentMixture

FAMILIES = {"gaussian": GaussianMixture, "student": StudentMixture}
MOST = 1000  # numbers of components that may be asked for, or as many as there are samples


def family(name):
    """The estimator of a family."""
    if name not in FAMILIES:
        raise ValueError(f"family={name!r} must be one of {', '.join(map(repr, FAMILIES))}")
    return FAMILIES[name]


def counts(n_components, n):
    """Numbers of components as a list without repetitions, for n samples."""
    most = max(n, MOST)
    found = list(islice(n_components, most + 1)) if np.iterable(n_components) else [n_components]
    if len(found) > most:
        raise ValueError(f"n_components={n_components!r} asks for more than {most:,} numbers of components, and X has "
                         f"{plural('row', n)}: ask for fewer.")
    try:
        found = [operator.index(k) for k in found]
    except TypeError:
        raise TypeError(f"n_components={n_components!r} must be an integer or several, such as range(1, 11)") from None
    if not found or min(found) < 1:
        raise ValueError(f"n_components={n_components!r} must hold at least one number, and only numbers from 1 on")
    return list(dict.fromkeys(found))


def structures(covariance_types, estimator=GaussianMixture):
    """Names of covariance structures, among those of an estimator, as a list without repetitions."""
    if isinstance(covariance_types, str):
        covariance_types = estimator._structures if covariance_types == "all" else [covariance_types]
    found = list(covariance_types) if np.iterable(covariance_types) else []
    if not found:
        raise ValueError(f"covariance_types={covariance_types!r} must be a name, such as 'full', or several, or 'all'")
    for name in found:
        covariance.structure(name)  # a name that does not exist is an error now, not in every row
    return list(dict.fromkeys(found))
