"""A fitted mixture fitted anew to rows drawn with replacement: the bootstrap (Efron 1979)."""

import copy

import numpy as np

from .history import one_of_many


def sample_size(X, weights):
    """How many samples there are."""
    return len(X) if weights is None else max(1, round(weights.sum()))


def drawn(X, weights, rng):
    """How often each sample is there when as many are drawn with replacement (n,)."""
    p = np.full(len(X), 1 / len(X)) if weights is None else weights / weights.sum()
    return rng.multinomial(sample_size(X, weights), p)


def refitted(model, X, weights, rng):
    """The model fitted to samples (an array) drawn with replacement, from its own parameters on."""
    refit = copy.copy(model).set_params(random_state=rng, warm_start=True)
    vars(refit).pop("feature_names_in_", None)
    return one_of_many(refit, X, drawn(X, weights, rng))
