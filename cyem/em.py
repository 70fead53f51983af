"""The EM driver: sweep, update, decide when to stop. It knows neither Gaussians nor samples.

A model has `sweep(parameters)`, `value(statistics)`, `update(statistics)`, `reseed(parameters, empty)`,
`part(parameters)` and `resolution`; see `cyem.mixture.Mixture`.
"""

from typing import Any, NamedTuple

import numpy as np

PARTINGS = 2  # how often components that coincide are moved apart in one fit
LOOK = 10  # iterations between two looks for them while EM crawls


class Fit(NamedTuple):
    """What a run of EM found."""

    parameters: Any
    value: float  # mean log-likelihood of these parameters
    bounds: tuple = ()  # the value after each iteration
    converged: bool = False
    events: tuple = ()  # what happened on the way, one line each
    collapsed: bool = False  # whether a component had to be seeded anew, or is held at the floor

    @property
    def n_iter(self):
        return len(self.bounds)


class Convergence:
    """Stops when what EM still has to gain, projected from the last steps, is at most `tol`.

    Near a maximum the gains shrink by a constant rate c < 1, and g c / (1 - c) is left after a gain of g (Aitken's
    extrapolation, as in Boehning et al. 1994). The rate is the largest of the last three: a slow crawl that a few large
    steps precede is not taken for the end, nor is a growing gain, by which EM leaves a saddle.
    """

    def __init__(self, tol, resolution):
        self.tol = tol
        self.resolution = resolution
        self.values = []

    def reached(self, value):
        """Tell the value after one more iteration; True when it is time to stop."""
        self.values = [*self.values[-4:], value]
        gains = np.diff(self.values)
        if len(gains) and abs(gains[-1]) <= self.resolution * max(1.0, abs(value)):
            return True
        if len(gains) < 4 or (gains <= 0).any():
            return False
        rate = (gains[1:] / gains[:-1]).max()
        return bool(rate < 1 and gains[-1] * rate / (1 - rate) <= self.tol)

    def crawls(self):
        """Whether the last gain was small, though more is to come: the place to look for a saddle."""
        return len(self.values) > 1 and self.values[-1] - self.values[-2] < self.tol

    def restart(self):
        """Forget: the parameters have been changed by something other than an update."""
        self.values = []


def fit(model, parameters, *, tol, max_iter, report=None):
    """Maximise the likelihood from a start.

    Parameters
    ----------
    model : object
        What is to be fitted, with the methods named above.
    parameters : object
        The start.
    tol : float
        Bound on the gain of the mean log-likelihood that is left undone.
    max_iter : int
        The most updates.
    report : callable, optional
        Called with the number of updates and the value after each.

    Returns
    -------
    Fit
        Its parameters are the best that were swept, its value is theirs.
    """
    convergence = Convergence(tol, model.resolution)
    bounds, events = [], []
    held = np.zeros(0, bool)
    partings, reseeds, reseeded = PARTINGS, None, False

    statistics = model.sweep(parameters)
    value = model.value(statistics)
    best = parameters, value, held
    convergence.reached(value)
    converged = False
    while len(bounds) < max_iter:
        parameters, empty, held = model.update(statistics)
        reseeds = len(empty) if reseeds is None else reseeds
        if empty.any() and reseeds > 0:
            reseeded = True
            reseeds -= int(empty.sum())
            parameters = model.reseed(parameters, empty)
            convergence.restart()
            events.append(f"iteration {len(bounds) + 1}: components without weight were seeded anew: {listed(empty)}")
        statistics = model.sweep(parameters)
        value = model.value(statistics)
        bounds.append(value)
        if value >= best[1]:
            best = parameters, value, held
        if report is not None:
            report(len(bounds), value)
        reached = convergence.reached(value)
        apart = None
        if partings and (reached or (convergence.crawls() and len(bounds) % LOOK == 0)):
            apart = model.part(parameters)
        if apart is not None:
            partings -= 1
            convergence.restart()
            events.append(f"iteration {len(bounds)}: components that coincided were moved apart")
            statistics = model.sweep(apart)
        elif reached:
            converged = True
            break
    parameters, value, held = best
    if held.any():
        events.append(f"held at the floor of variance: components {listed(held)}")
    return Fit(parameters, value, tuple(bounds), converged, tuple(events), reseeded or bool(held.any()))


def listed(where):
    """The indices at which a boolean array is true, as text."""
    return ", ".join(map(str, np.flatnonzero(where)))
