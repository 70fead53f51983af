"""A fitted mixture fitted anew to rows drawn with replacement: the bootstrap (Efron 1979)."""

import copy

import numpy as np

from .history import one_of_many

TRIES = 1000  # draws in which labels may leave some component without a row


def sample_size(X, weights):
    """How many samples there are."""
    return len(X) if weights is None else max(1, round(weights.sum()))


def drawn(X, weights, rng, possible=None):
    """How often each sample is there when as many are drawn with replacement (n,).

    possible (n, k): which component each may come from. Draws in which one is left without any are drawn again.
    """
    p = np.full(len(X), 1 / len(X)) if weights is None else weights / weights.sum()
    for _ in range(TRIES):
        counts = rng.multinomial(sample_size(X, weights), p)
        if possible is None or possible[counts > 0].any(axis=0).all():
            return counts
    raise ValueError("labels leave some component so little weight that none of it is there in any of "
                     f"{TRIES} samples drawn with replacement: leave more labels open (-1).")


def redrawn(model, X, weights, rng, **known):
    """The model, fitted to samples (an array) drawn with replacement; known: labels and noise of the samples."""
    return one_of_many(model, X, drawn(X, weights, rng, model._known_of(X, **known).components), **known)


def refitted(model, X, weights, rng, **known):
    """A copy of the model that is `redrawn`, from its own parameters on."""
    refit = copy.copy(model).set_params(random_state=rng, warm_start=True)
    vars(refit).pop("feature_names_in_", None)
    return redrawn(refit, X, weights, rng, **known)
