"""Where the density of a fitted mixture has peaks, and how low it is between them.

The density of the whole mixture is looked at along the ridge lines between components: see `families/modes.py`.
"""

from typing import NamedTuple

import numpy as np

from ..families import state
from ..families.covariance import structure
from ..families.modes import near, ridges
from ..models.mixture import memberships

FLAT = 0.05  # depth of a valley, of log-density, up to which two components share a peak


class Valley(NamedTuple):
    """The deepest valley on the ridge line between two components, in the coordinates of a frame."""

    pair: tuple
    depth: float  # log-density at the lower peak, less that of the valley
    peaks: np.ndarray  # (2, d): the highest points on either side
    middle: np.ndarray  # (d,)
    direct: bool  # no third component is between: in the valley these two have most of the density, and half at a peak


class Landscape:
    """The components of a fitted mixture, and the valleys between them.

    Attributes
    ----------
    frame : Frame
        Coordinates in which the mixture is of the size of one.
    weights : ndarray of shape (k,)
    covariances : ndarray of shape (k, d, d)
        Of t distributions the scale matrices.
    valleys : list of Valley
        One for each pair of components that are near each other.
    """

    def __init__(self, model):
        self.frame, means, covariances = state.in_own_frame(model)
        shape, (k, d) = structure(model.covariance_type), means.shape
        weights, _, factors = state.parameters(model)
        self.weights = weights / weights.sum()
        self.covariances = shape.full(covariances, k, d)
        U = shape.full(shape.scaled_factors(factors, 1 / self.frame.units), k, d)
        P = U @ np.swapaxes(U, 1, 2)
        self.valleys = [valley for i, others in near(means, P) for valley in self._valleys(model, means, P, i, others)]

    def _valleys(self, model, means, P, i, others):
        """The valleys between a component and some others."""
        k, d = means.shape
        # the same lines, on which points are even if sizes differ, and the same ones in any unit: by volumes
        P = P * np.exp(-np.linalg.slogdet(P)[1] / d)[:, None, None]
        lines = ridges(means, P, i, others)
        heights = model.score_samples(self.frame.leave(lines.reshape(-1, d))).reshape(lines.shape[:2])
        behind = np.maximum.accumulate(heights, axis=1)
        ahead = np.maximum.accumulate(heights[:, ::-1], axis=1)[:, ::-1]
        depths = np.minimum(behind, ahead) - heights
        at = depths.argmax(axis=1)
        places = [(height[: m + 1].argmax(), m, m + height[m:].argmax()) for height, m in zip(heights, at, strict=True)]
        points = np.take_along_axis(lines, np.array(places)[:, :, None], axis=1)
        resp = memberships(model, self.frame.leave(points.reshape(-1, d))).reshape(len(points), 3, k)
        for j, depth, three, own in zip(others, depths.max(axis=1).tolist(), points, resp, strict=True):
            third = np.delete(own[1], [i, j]).max(initial=0)
            direct = own[1, [i, j]].min() >= third and own[[0, 2]][:, [i, j]].sum(axis=1).min() >= 0.5
            yield Valley((i, j), depth, three[[0, 2]], three[1], bool(direct))

    def peaks(self):
        """Which components share a peak: a number for each component (k,)."""
        found = np.arange(len(self.weights))
        for valley in self.valleys:
            if valley.depth <= FLAT:
                i, j = valley.pair
                found[found == found[j]] = found[i]
        return found

    def across(self, valley, Y):
        """Rows Y (n, d) as seen from one peak to the other: how far they are along the way, and the squares of how far
        from it, both (n,), and where valley and second peak are; in standard deviations of the two components."""
        i, j = valley.pair
        w = self.weights[[i, j]] / self.weights[[i, j]].sum()
        values, vectors = np.linalg.eigh(w[0] * self.covariances[i] + w[1] * self.covariances[j])
        whiten = vectors / np.sqrt(np.maximum(values, np.finfo(float).eps * values[-1]))
        first, second = valley.peaks
        axis = (second - first) @ whiten
        length = np.sqrt(axis @ axis)
        axis /= length
        Z = (Y - first) @ whiten
        along = Z @ axis
        return along, np.maximum((Z * Z).sum(axis=1) - along**2, 0), (valley.middle - first) @ whiten @ axis, length

