"""Rows in arrays, as a problem asks of rows before a family sees them: where they lie, and how passes go over them."""

import numpy as np

from . import data
from .samples import Samples, locate
from .views import NOTHING_ELSE, Known, Views, locate_observed


class Arrays:
    """Rows X (n, d), NaN where nothing was observed, with weights (n,) or None, and what is known of them besides."""

    def __init__(self, X, weights, known):
        self.X, self.weights, self.known = X, weights, known
        self.complete = True

    def locate(self, one_unit):
        """Frame, variances in it, and whether these are ordinary."""
        found = locate(self.X, self.weights, one_unit)
        self.complete = bool(np.isfinite(found[0].reference).all())  # of what was not observed there is no mean
        return found if self.complete else locate_observed(self.X, self.weights, one_unit)

    @property
    def extremes(self):
        """Rows that reach as far as all of them."""
        return self.X

    @property
    def looked(self):
        """Rows in memory that stand for all, and their weights."""
        return self.X, self.weights

    def rows(self, frame, n_threads):
        """Passes over them, after they were located."""
        if self.complete and self.known is NOTHING_ELSE:
            return Samples(self.X, self.weights, frame, n_threads)
        return Views(self.X, self.weights, frame, n_threads, known=self.known)


def given(X, weights, known=NOTHING_ELSE, rng=None):
    """The rows of a problem: arrays, or rows that are not in memory and come with their weights."""
    return Arrays(X, weights, known) if isinstance(X, np.ndarray) else X.drawn_by(rng)


def known(X, k, labels, noise, noisy, frame=None):
    """What is known of rows of k components, and of a background if `noisy`, besides X, which comes from a frame."""
    noise = None if noise is None else data.noise(noise, X, frame)
    if labels is None:
        return Known(noise)
    possible = data.components(labels, len(X), k, noisy, frame)
    return Known(noise, possible[:, :k], possible[:, k] if noisy else None)
