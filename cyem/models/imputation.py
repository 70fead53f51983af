"""What is missing, filled in: expected values, draws, and how uncertain they are."""

import numbers

import numpy as np

from .. import threads
from ..em import start
from ..families import state
from ..families.covariance import structure
from ..rows import data
from ..rows.views import NOTHING_ELSE, Views, patterns
from .conditional import predict_conditional
from .estimator import observed
from .refits import refitted

PARAMETERS = ("fitted", "bootstrap")


def impute(model, X, draws, random_state, parameters, sample_weight, labels, noise, return_cov):
    """The rows with what is missing filled in; see `Mixture.impute`."""
    if draws is not None and (isinstance(draws, bool) or not isinstance(draws, numbers.Integral) or draws < 1):
        raise ValueError(f"draws must be None or an integer >= 1, got {draws!r}.")
    if parameters not in PARAMETERS:
        raise ValueError(f"parameters={parameters!r} does not exist: choose one of {', '.join(map(repr, PARAMETERS))}.")
    if parameters == "bootstrap" and draws is None:
        raise ValueError("parameters='bootstrap' is for draws, and draws is None: say how many.")
    if sample_weight is not None and parameters != "bootstrap":
        raise ValueError("sample_weight is for parameters='bootstrap', which fits anew: leave it out.")
    if return_cov and draws is not None:
        raise ValueError(f"return_cov=True is for expected values, and draws={draws!r} tell by themselves how far they "
                         "are apart: leave one out.")
    frame = X
    X, _ = observed(model, X)
    known = model._known_of(X, labels, noise, frame)
    if return_cov and known is not NOTHING_ELSE:
        raise ValueError("return_cov=True is for rows of which nothing but values is known: leave out labels and "
                         "noise, or take the covariances of draws.")
    if draws is None:
        density, rows = _views(model, X, known)
        inside, background, frame = rows.completed(density), state.background(model), rows.frame
        if background is not None:  # of which the middle of the box is expected
            rest = 1 - rows.responsibilities(density).sum(axis=1)
            inside += rest[:, None] * frame.enter((background.box.low + background.box.high) / 2)
        filled = np.where(np.isnan(X), frame.leave(inside), X).astype(X.dtype)
        return (filled, covariances(model, X)) if return_cov else filled
    rng = start.generator(random_state)
    if parameters == "fitted":
        return np.stack([_drawn(model, X, known, rng) for _ in range(draws)])
    weights, told = data.weights(sample_weight, len(X)), {"labels": labels, "noise": noise}
    return np.stack([_drawn(refitted(model, X, weights, rng, **told), X, known, rng) for _ in range(draws)])


def _views(model, X, known):
    """The density of the model in a frame, and rows in it."""
    frame = model._evaluator(X.dtype).frame
    return model._glance(frame, None).density, Views(X, None, frame, threads.resolve(model.n_threads), known=known)


def _drawn(model, X, known, rng):
    density, rows = _views(model, X, known)
    filled, background = rows.drawn(density, rng).X, state.background(model)
    if background is not None:
        outside = rng.random(len(X)) < 1 - rows.responsibilities(density).sum(axis=1)
        anywhere = rng.uniform(background.box.low, background.box.high, X.shape)
        filled = np.where(np.isnan(X) & outside[:, None], anywhere, filled).astype(X.dtype)
    return filled


def covariances(model, X):
    """Covariances (n, d, d) of what is missing given what was observed of each row, 0 for what was observed."""
    gone, (n, d) = np.isnan(X), X.shape
    group, out = patterns(gone), np.zeros((n, d, d))
    for rows in np.split(np.argsort(group, kind="stable"), np.bincount(group).cumsum()[:-1]):
        missing, known = np.flatnonzero(gone[rows[0]]), np.flatnonzero(~gone[rows[0]])
        if not len(known):
            out[rows] = of_a_row(model)
        elif len(missing):
            own = predict_conditional(model, X[rows][:, known], missing.tolist(), known.tolist()).covariance()
            out[rows[:, None, None], missing[:, None], missing] = own
    return out


def of_a_row(model):
    """The covariance (d, d) of a row of which nothing is known."""
    weights, means, matrices = state.parameters(model, "covariances_")
    gaps = means - weights @ means
    each = structure(model.covariance_type).full(matrices, *means.shape) + gaps[:, :, None] * gaps[:, None]
    return np.tensordot(weights, each, 1)
