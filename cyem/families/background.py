"""Mixtures of normal distributions beside a background: some samples are of no component, and may lie anywhere.

    p(x) = w_0 / V + sum_k w_k N(x; mu_k, Sigma_k),    w_0 + sum_k w_k = 1

The background has the same density everywhere, one over the volume V of the box that the samples are in: Poisson noise,
as Banfield & Raftery (1993, Biometrics 49, 803-821, section 5) and R's mclust have it. Of a row with missing values it
has the density along the features that were observed. The M-step of the components is as without; the weight w_0 is
what the background takes of all samples.
"""

import math
from typing import NamedTuple

import numpy as np

from ..rows.statistics import TINY, Beside
from .gaussian import EMPTY, Gaussian, Parameters

SHARES = 0.05, 0.3  # of the background where EM begins: both are tried


class Box(NamedTuple):
    """Where the background lies, outside of any frame, and how dense it is along each feature."""

    low: np.ndarray  # (d,)
    high: np.ndarray  # (d,)
    heights: np.ndarray  # (d,): logarithms of densities

    @classmethod
    def around(cls, X, volume=None):
        """The least box that samples X (n, d), NaN where nothing was observed, are in; of another volume, if given.

        Raises
        ------
        ValueError
            Where the box has no volume.
        """
        low, high = (reduce(X, axis=0).astype(np.float64) for reduce in (np.fmin.reduce, np.fmax.reduce))
        if not (wide := high > low).all():
            raise ValueError(f"background: all values of column {int(wide.argmin())} of X, counted from 0, are the "
                             "same, so that the box around them has no volume: leave the column out.")
        return cls.of(low, high, None if volume is None else -math.log(volume))

    @classmethod
    def of(cls, low, high, log_density=None):
        """A box, and the log-density of the background: by default one over its volume."""
        heights = -np.log(high / 2 - low / 2) - math.log(2)
        more = 0.0 if log_density is None else (log_density - heights.sum()) / len(heights)
        return cls(low, high, heights + more)

    @property
    def log_density(self):
        return float(self.heights.sum())

    def inside(self, frame):
        """Logarithms of the densities along the features, in a frame."""
        return self.heights + np.log(frame.units)


class BackgroundParameters(Parameters):
    """Weights, means and covariances of k components, the weight of the background, and how dense it is (d,)."""

    __slots__ = ("heights", "share")

    @classmethod
    def like(cls, normal, share, heights):
        """The same components beside a background of a weight."""
        share = min(max(share, TINY), 1 - EMPTY)
        self, rest = cls.as_they_are(normal, share, heights), (1 - share) / normal.weights.sum()
        self.weights, self.constants = normal.weights * rest, normal.constants + math.log(rest)
        return self

    @classmethod
    def as_they_are(cls, normal, share, heights):
        """The same, where weights leave as much to the background already."""
        self = cls.__new__(cls)
        for name in Parameters.__slots__:
            setattr(self, name, getattr(normal, name))
        self.block, self.share, self.heights = None, share, heights
        return self

    @property
    def arrays(self):
        return {**super().arrays, "share": np.array([self.share])}

    def replace(self, weights=None, means=None):
        return self.like(super().replace(weights, means), self.share, self.heights)

    def taken(self, structure, places, weights, ratio):
        return self.like(super().taken(structure, places, weights, ratio), self.share, self.heights - np.log(ratio))

    @property
    def density(self):
        return super().density.beside(np.concatenate([[math.log(self.share)], self.heights]))


class Background(Gaussian):
    """Formulas of a mixture of normal distributions beside a background.

    Parameters
    ----------
    structure, variances, floor, eps, equal_weights
        As `Gaussian` has them; equal weights are those of the components.
    box : Box
        Where the background lies.
    frame : Frame
        Of the data.
    """

    noisy = True

    def __init__(self, structure, variances, floor, eps, equal_weights=False, *, box, frame):
        super().__init__(structure, variances, floor, eps, equal_weights)
        self.box, self.heights = box, box.inside(frame)

    @classmethod
    def behind(cls, family, box, frame):
        """A family of normal distributions beside a background."""
        return cls(family.structure, family.variances, family.floor, family.eps, family.equal_weights, box=box,
                   frame=frame)

    @property
    def engine(self):
        return self.closed and self.closed.beside(float(self.heights.sum()))

    def packed(self, parameters):
        """The components as if there were nothing else, and the weight of the background."""
        alone = Parameters.replace(parameters, parameters.weights / parameters.weights.sum())
        return np.append(alone.packed, parameters.share)

    def unpack(self, block, k, d):
        return BackgroundParameters.like(super().unpack(block[:-1], k, d), float(block[-1]), self.heights)

    def restored(self, k, kept):
        share = float(kept.array("share", (1,))[0])
        return BackgroundParameters.as_they_are(super().restored(k, kept), share, self.heights)

    def adopt(self, normal, more=None):
        return BackgroundParameters.like(normal, SHARES[0] if more is None else float(more[0]), self.heights)

    def ways(self, normal):
        return [self.adopt(normal, [share]) for share in SHARES]

    def update(self, statistics, current=None, **how):
        """The M-step: of the components as without, beside what the background takes."""
        found = super().update(statistics, current, **how)
        if not isinstance(statistics, Beside):  # of a start, which knows no background
            return found._replace(parameters=self.adopt(found.parameters))
        share = statistics.outside / statistics.total
        return found._replace(parameters=BackgroundParameters.like(found.parameters, share, self.heights))

    def coordinates(self, parameters):
        """Those of the components as if there were nothing else, and log w_0 / (1 - w_0)."""
        x, share = super().coordinates(parameters), parameters.share
        x[: len(parameters.weights)] -= math.log1p(-share)
        return np.append(x, math.log(share / (1 - share)))

    def at(self, coordinates, like):
        odds = math.exp(min(coordinates[-1], 700.0))
        return self.adopt(super().at(coordinates[:-1], like), [odds / (1 + odds)])

    def nearest(self, parameters, like):
        return self.normal.nearest(parameters, like)
