"""What a fitted mixture consists of: attributes that anybody may set, and that are checked before they are used."""

from __future__ import annotations

from reprlib import repr
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..notices import NotFittedError, familiar
from ..rows import data
from ..rows.samples import Frame, power_of_two
from .covariance import simplest, structure

if TYPE_CHECKING:
    from .background import Box

ROUNDING = 1e-6  # by which a sum of weights may differ from one
BACKGROUND = "background_weight_", "background_box_", "background_log_density_"


def _is_text(value):
    return isinstance(value, str)


def _is_real(value):
    return isinstance(value, float | np.float32 | np.float16)


def _is_bool(value):
    return isinstance(value, bool | np.bool_)


def _is_int(value):
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


# What tells how a fit ended: the type in words, and whether a value has it.
OUTCOME = {
    "converged_": ("a bool", _is_bool),
    "n_iter_": ("an int", _is_int),
    "n_outputs_": ("an int", _is_int),
    "n_parameters_": ("an int", _is_int),
    "one_target_": ("a bool", _is_bool),
    "log_likelihood_": ("a float", _is_real),
    "bic_": ("a float", _is_real),
    "lower_bound_": ("a float", _is_real),
    "lower_bounds_": ("a list of floats", lambda value: isinstance(value, list) and all(map(_is_real, value))),
    "fit_report_": ("a tuple of text", lambda value: isinstance(value, tuple) and all(map(_is_text, value))),
}


MIXTURE = "converged_", "n_iter_", "lower_bound_", "lower_bounds_", "fit_report_"  # of these, what a mixture has


def parameters(model, matrices="precisions_cholesky_"):
    """Weights, means and matrices of a mixture, sure to fit together.

    Parameters
    ----------
    model : GaussianMixture
    matrices : {'precisions_cholesky_', 'covariances_', 'scales_', 'precisions_'}
        Which matrices. Factors that are not upper triangular are made so. Covariances and their inverses may be
        infinite, as those of a fit are that are beyond the range of its dtype.

    Returns
    -------
    weights : ndarray of shape (k,)
    means : ndarray of shape (k, d)
    matrices : ndarray
        In the shape of the structure. All are contiguous float64, and no copies where the attributes are that.

    Raises
    ------
    NotFittedError, TypeError, ValueError
        For an attribute that is missing, is of another shape than the means and `covariance_type` ask for, or holds
        what a mixture cannot have. It is named.
    """
    shape = structure(model.covariance_type)
    weights, means, found = (_array(model, name) for name in ("weights_", "means_", matrices))
    features = vars(model).get("n_features_in_")
    if means.ndim != 2 or 0 in means.shape or features not in (None, means.shape[1]):
        raise ValueError(f"The attribute 'means_' has the shape {means.shape}, expected (n_components, "
                         f"{features or 'n_features'}): set it anew, or fit.")
    k, d = means.shape
    for name, array, expected in (("weights_", weights, (k,)), (matrices, found, shape.shape(k, d))):
        if array.shape != expected:
            raise ValueError(
                f"The attribute {name!r} has the shape {array.shape}, expected {expected}, as 'means_' has the shape "
                f"{means.shape} and covariance_type={model.covariance_type!r}: set what fits together, or fit."
            )
    fitted_as = last_structure(model)
    if fitted_as.density != shape.density and fitted_as.shape(k, d) == found.shape:
        raise ValueError(f"covariance_type={model.covariance_type!r} was set after a fit with {fitted_as.name!r}, and "
                         f"{matrices!r} may be of either: set covariance_type={fitted_as.name!r}, or fit.")
    rest = vars(model).get("background_weight_", 0.0)
    if not (weights.min() >= 0 and abs(weights.sum() + rest - 1) <= ROUNDING):  # nor is this so of NaN
        less = " less background_weight_" if rest else ""
        raise ValueError(f"The attribute 'weights_' has the minimum {weights.min():g} and the sum {weights.sum():g}, "
                         f"expected non-negative numbers of sum 1{less}: divide it by its sum.")
    for name, array in (("means_", means), (matrices, found)):
        if not data.finite(array) and (name not in ("covariances_", "scales_", "precisions_") or np.isnan(array).any()):
            raise ValueError(f"The attribute {name!r} contains NaN or infinity: set it anew, or fit.")
    if matrices == "precisions_cholesky_":
        found = shape.triangular(found)
        if found is None:
            raise ValueError("The attribute 'precisions_cholesky_' holds a factor that has no inverse, expected U with "
                             "precisions U U'.")
    return weights, means, found


class Outside(NamedTuple):
    """The background of a fitted mixture."""

    weight: float
    box: Box


def background(model):
    """The background of a mixture, or None where it has none.

    Raises
    ------
    TypeError, ValueError
        For an attribute that is missing, or is not what a fit leaves.
    """
    if "background_weight_" not in vars(model):
        return None
    weight, corners, log_density = (_array(model, name) for name in BACKGROUND)
    d = np.shape(_value(model, "means_"))[-1]
    if weight.ndim or not 0 <= weight < 1:
        raise ValueError(f"The attribute 'background_weight_' is {repr(weight.tolist())}, expected a number in [0, 1): "
                         "set it anew, or fit.")
    if corners.shape != (2, d) or not (np.isfinite(corners).all() and (corners[0] < corners[1]).all()):
        raise ValueError(f"The attribute 'background_box_' is {repr(corners.tolist())}, expected the least and the "
                         f"largest values of {d} features: set it anew, or fit.")
    if log_density.ndim or not np.isfinite(log_density):
        raise ValueError(f"The attribute 'background_log_density_' is {repr(log_density.tolist())}, expected a number: "
                         "set it anew, or fit.")
    from .background import Box  # which few mixtures have

    return Outside(float(weight), Box.of(*corners, float(log_density)))


def tails(model):
    """The degrees of freedom (k,) of a mixture, or None where its tails are normal."""
    return freedom(model, len(model.weights_)) if hasattr(model, "degrees_of_freedom") else None


def frame(model, weights, means, U, dtype):
    """The frame of the size of a mixture, for samples of a dtype; arguments as `parameters` gives them."""
    shape, (k, d) = structure(model.covariance_type), means.shape
    own = simplest(shape, d)
    deviations = np.sort(1 / np.abs(own.diagonals(own.like(U, shape, k, d), k, d)), axis=0)
    typical = (deviations[(k - 1) // 2] + deviations[k // 2]) / 2  # np.median imports numpy.ma: see em/start.py
    info = np.finfo(dtype)
    shares = weights if background(model) is None else weights / weights.sum()
    reference = np.clip(shares @ means, -info.max, info.max).astype(dtype).astype(np.float64)
    return Frame(reference, power_of_two(typical, dtype))


def in_own_frame(model):
    """A frame of the size of a mixture, and its means and covariances in it: what any magnitude has room for.

    Covariances themselves, the squares of a unit, may be beyond the range.
    """
    shape, (weights, means, U) = structure(model.covariance_type), parameters(model)
    own = frame(model, weights, means, U, np.float64)
    if shape.one_unit:
        own = own._replace(units=np.full_like(own.units, own.units.max()))
    return own, own.enter(means), shape.covariances(shape.scaled_factors(U, 1 / own.units))


def freedom(model, k):
    """The degrees of freedom of k components of a mixture of t distributions.

    Raises
    ------
    NotFittedError, TypeError, ValueError
        For an attribute that is missing, or is not that.
    """
    found = _array(model, "degrees_of_freedom_")
    if found.shape != (k,) or not (found > 0).all():
        raise ValueError(f"The attribute 'degrees_of_freedom_' is {repr(found)}, expected a number > 0 for each of {k} "
                         "components: set it anew, or fit.")
    return found


def outcome(model, names=MIXTURE):
    """Check what tells how the fit ended: attributes of OUTCOME, by their names.

    Raises
    ------
    NotFittedError, TypeError
        For an attribute that is missing, or of another type than a fit leaves. It is named.
    """
    for name in names:
        wanted, holds = OUTCOME[name]
        value = _value(model, name)
        if not holds(value):
            raise TypeError(f"The attribute {name!r} is {repr(value)}, expected {wanted}: set it anew, or fit.")


def feature_names(model, d=None):
    """The names of the d features, by default those that the means have, or None where they have none.

    Raises
    ------
    ValueError
        Where they are not as many as the means have features, or no text.
    """
    names, d = vars(model).get("feature_names_in_"), np.shape(_value(model, "means_"))[-1] if d is None else d
    if names is None:
        return None
    if np.shape(names) != (d,) or not all(map(_is_text, names)):
        raise ValueError(f"The attribute 'feature_names_in_' is {repr(names)}, expected text for each of {d} features: "
                         "set it anew, or delete it.")
    return names


def last_structure(model):
    """The structure of the last fit; without one, that of `covariance_type`."""
    return structure(vars(model).get("_kind", model.covariance_type))


def _value(model, name):
    """An attribute that must be there."""
    if not hasattr(model, name):
        raise familiar(NotFittedError)(f"This {type(model).__name__} has no attribute {name!r}: fit it, or make it by "
                                       "from_parameters, which sets all attributes.")
    return getattr(model, name)


def _array(model, name):
    """An attribute as a contiguous array of float64, of any shape."""
    value = _value(model, name)
    if type(value) is np.ndarray and value.dtype == np.float64 and value.flags.carray:
        return value
    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of different lengths
        raise ValueError(f"The attribute {name!r} is no array: {error}") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"The attribute {name!r} should hold numbers, but is a {type(value).__name__} of dtype "
                        f"{array.dtype}: set it anew, or fit.")
    with np.errstate(over="ignore"):  # of a long double
        return np.require(array, np.float64, ["C", "A"])
