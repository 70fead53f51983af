"""What `partial_fit` does: rows are gathered until they are enough for a start; from then on each batch is a step."""

import math
import numbers
from typing import NamedTuple

import numpy as np

from .. import threads
from ..em import stepwise
from ..families import state as attributes
from ..families.covariance import simplest, structure
from ..notices import ConvergenceWarning, muted, warn
from ..rows import data, door
from ..rows.samples import Samples
from ..rows.views import Views
from .estimator import observed
from .history import INTERRUPTED, Report

BEGINNINGS = 4  # fits at least of which the best is where a stream begins: it stays near the maximum that it begins at
GROWN = 2  # times the rows of the last fit at which there is another, while rows are gathered


class Gathered(NamedTuple):
    """The rows so far, where these are not enough for a start."""

    X: np.ndarray
    weights: np.ndarray
    names: np.ndarray | None = None  # of the features
    fitted: int = 0  # rows that the last fit has seen


def partial_fit(model, X, sample_weight=None):
    """Learn from a batch of rows, or from all rows of a source: what the estimator's method says of it."""
    X = door.scanned(X)
    if not isinstance(X, door.Streamed):
        learn(model, X, sample_weight)
        return
    before = dict(vars(model))
    try:
        for batch, weights in X.weighted(sample_weight).batches():
            learn(model, batch, weights)
    except Exception:  # after Ctrl-C, what was learned so far stays
        vars(model).clear()
        vars(model).update(before)
        raise


def learn(model, X, sample_weight):
    """Learn from a batch of rows in memory."""
    shape = model._check_parameters()
    forget = checked(model)
    threads.check(model.n_threads)
    frame = X
    names, X, complete = read(model, X)
    X, weights, _ = data.counted(X, sample_weight, frame)
    stream = model._stream
    if not isinstance(stream, stepwise.State):
        if isinstance(stream, Gathered) or not model.__sklearn_is_fitted__():
            return gather(model, stream, shape, names, X, weights)
        stream = going_on(model)
    if (len(stream.parameters.weights), structure(model.covariance_type)) != (model.n_components, shape) or \
            attributes.last_structure(model) is not shape:
        raise ValueError(f"n_components={model.n_components} and covariance_type={model.covariance_type!r} were set "
                         f"after partial_fit had begun with {len(stream.parameters.weights)} components and "
                         f"{attributes.last_structure(model).name!r}: set these again, or begin with a new estimator.")
    place = threads.resolve(model.n_threads)
    rows = (Samples if complete else Views)(X, weights, stream.frame, place)
    accept(model, stepwise.learn(stream, rows, forget), X.dtype)


def checked(model):
    """The half-life of rows that is asked for, or None; ValueError for parameters that are not those of a stream."""
    forget = model.forget
    if forget is not None and (isinstance(forget, bool) or not isinstance(forget, numbers.Real)
                               or not 0 < forget < math.inf):
        model._refuse("forget", "a number of rows > 0, after which a row counts half, or None", forget)
    if getattr(model, "prior", None) is not None:
        model._refuse("prior", "None for partial_fit: a prior counts beside a number of rows, which a stream has not",
                      model.prior)
    if model._noisy:
        model._refuse("background", "False for partial_fit: the box around a stream is not known before its end",
                      model.background)
    if not (isinstance(model.init_params, str) or callable(model.init_params)):
        model._refuse("init_params", "a name or a function for partial_fit: rows of a stream have no number to give "
                      "labels or responsibilities by", model.init_params)
    return None if forget is None else float(forget)


def read(model, X):
    """Names of the features, the rows, and whether these are complete; from the second batch on as in the first."""
    stream = model._stream
    if isinstance(stream, Gathered) and not model.__sklearn_is_fitted__():  # fewer rows than components
        names = data.feature_names(X)
        X, complete = data.observed(X)
        same = stream.names is names is None or np.array_equal(stream.names, names)
        if X.shape[1] != stream.X.shape[1] or not same:
            raise ValueError(f"X has {described(X.shape[1], names)}, but the batches before had "
                             f"{described(stream.X.shape[1], stream.names)}.")
    elif model.__sklearn_is_fitted__():
        X, complete = observed(model, X)
        names = getattr(model, "feature_names_in_", None)
    else:
        names = data.feature_names(X)
        X, complete = data.observed(X)
    dtype = stream.X.dtype if isinstance(stream, Gathered) else getattr(getattr(model, "means_", X), "dtype", X.dtype)
    if X.dtype == np.float64 and dtype == np.float32:
        raise TypeError("X is float64, but the batches before were float32, and so are the parameters: give "
                        "X.astype(numpy.float32), or begin a new stream in float64.")
    return names, X.astype(np.float64 if dtype == np.float64 else np.float32, copy=False), complete


def described(d, names):
    return f"{d} features" + ("" if names is None else f" named {', '.join(map(repr, names[:5]))}")


def gather(model, stream, shape, names, X, weights):
    """Add to the rows so far; a fit to all of them as soon as these are as many as components, and again as they grow.

    The best fit of enough of them is where the stream begins.
    """
    weights = np.ones(len(X)) if weights is None else weights
    if stream is not None:
        X, weights = np.concatenate([stream.X, X]), np.concatenate([stream.weights, weights])
    n, k = len(X), model.n_components
    fitted = 0 if stream is None else stream.fitted
    enough = n >= stepwise.enough(k, X.shape[1], simplest(shape, X.shape[1]))
    if n < k or not (enough or n >= GROWN * fitted):
        model._stream = Gathered(X, weights, names, fitted)
        return
    if np.isnan(X).any():
        data.columns_without_values(X, names)
    with muted(ConvergenceWarning) as unsaid:  # a fit on the way; fit_report_ has the rest
        mixture, best = model._fit(shape, names, X, None if (weights == 1).all() else weights,
                                   runs=max(BEGINNINGS, model.n_init) if enough else None)
    for message in unsaid:
        if INTERRUPTED in message:
            warn(message, ConvergenceWarning)
    model.n_steps_ = 0
    model._stream = Gathered(X, weights, names, n)
    if enough:
        value = best.value - mixture.samples.log_volume
        model._stream = stepwise.begin(mixture.family, best.parameters, mixture.frame, mixture.samples.total, value)


def going_on(model):
    """The state of a stream that begins with a mixture that was fitted, loaded, or made of given parameters."""
    if hasattr(model, "background_weight_"):
        raise ValueError("partial_fit goes on from a mixture without a background, and this one was fitted with "
                         f"background_weight_={model.background_weight_:.3g}: fit it anew with background=False, or "
                         "begin with a new estimator.")
    weights, means, U = attributes.parameters(model)
    seen = getattr(model, "n_samples_seen_", None)
    if seen is None:
        seen = stepwise.enough(*means.shape, simplest(structure(model.covariance_type), means.shape[1]))
    if isinstance(seen, bool) or not isinstance(seen, numbers.Real) or not 0 < seen < math.inf:
        raise ValueError(f"The attribute 'n_samples_seen_' is {seen!r}, expected a number > 0: set it anew, or fit.")
    frame, *_ = attributes.in_own_frame(model)
    parameters = model._inside_frame(frame, weights, means, U)
    family, how = model._family()
    eps = np.finfo(model.means_.dtype).eps
    one = np.ones(means.shape[1])
    family = family(parameters.structure, one, one * max(model.reg_covar, (16 * eps) ** 2), eps, model.equal_weights,
                    **how)
    value = model.lower_bound_ if math.isfinite(model.lower_bound_) else 0.0
    return stepwise.around(family, parameters, frame, float(seen), value)


def accept(model, stream, dtype):
    """Set the fitted attributes after a step."""
    remarks = model._adopt(stream.estimate, stream.frame, dtype)
    model._stream, model.n_samples_seen_ = stream, float(stream.weight)
    model.n_steps_ = model.n_iter_ = stream.steps
    model.converged_, model.lower_bound_, model.lower_bounds_ = False, stream.value, [stream.value]
    model.fit_report_ = Report([*stream.events, *stream.family.remarks(stream.estimate), *remarks])
