"""A mixture of many features in the plane in which its components differ most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..rows import data
from ..show.text import plural
from . import geometry, style
from .display import Panels, display
from .mixture import MOST_POINTS, OUTSIDE, legend

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import ArrayLike

    from ..models.gaussian import GaussianMixture
    from ..models.student import StudentMixture
    from ..rows.types import Floats, Integers, Reals

NAMED = 3  # features that a direction is told by


@display
class ProjectionDisplay(Panels):
    """The components of a mixture among the samples, seen from where they differ most.

    The axes are combinations of all features: two of the directions in which components differ in means and
    covariances, relative to the covariance of everything (Scrucca 2010), those in whose plane components overlap least.
    Along each the mixture has the standard deviation 1. An axis is named by the features that it is most correlated
    with. Ellipses hold 90 % of a component.

    Parameters
    ----------
    points : ndarray of shape (m, 2)
        Samples to draw, projected.
    labels : ndarray of shape (m,)
        Their components; -1 for the background.
    components : Components
        Weights, means and covariance matrices in the plane, and names of its axes.
    directions : ndarray of shape (d, 2)
        What multiplies the samples less the mean of the mixture.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (1, 1)
    figure_ : matplotlib Figure

    See Also
    --------
    MixtureDisplay : The same, two features at a time.

    References
    ----------
    Scrucca, "Dimension reduction for model-based clustering", Statistics and Computing 20, 2010.
    """

    points: Reals
    labels: Integers
    components: geometry.Components
    directions: Floats
    _size = (7.2, 5.2)

    @classmethod
    def from_estimator(
        cls, model: GaussianMixture | StudentMixture, X: ArrayLike, *, ax: style.Place | None = None
    ) -> Self:
        """Draw a fitted mixture.

        Parameters
        ----------
        model : GaussianMixture
            Of two components and two features, or more.
        X : array-like of shape (n, d)
            Samples. Of more than 2000 a random part is drawn. What is missing is filled in by what is expected of it.
        ax : matplotlib Axes, Figure or SubFigure, default=None
            Where to draw; None: a new figure of pyplot.

        Returns
        -------
        ProjectionDisplay

        Examples
        --------
        >>> import numpy as np
        >>> from cyem import GaussianMixture
        >>> from cyem.plotting import ProjectionDisplay
        >>> X = np.random.default_rng(0).normal(size=(200, 9)) + 4 * (np.arange(200) % 2)[:, None]
        >>> display = ProjectionDisplay.from_estimator(GaussianMixture(2, random_state=0).fit(X), X)
        >>> display.directions.shape
        (9, 2)
        """
        components = geometry.Components.of(model)
        k, d = components.means.shape
        if k < 2 or d < 2:
            raise ValueError(f"model has {plural('component', k)} and {plural('feature', d)}: a plane in which "
                             "components differ takes two of each; see MixtureDisplay.")
        labels = model.predict(X)
        X, complete = data.observed(X)
        rows = geometry.some(len(X), MOST_POINTS)
        points = X[rows] if complete else model.impute(X[rows])
        directions, seen = plane(components)
        centre = components.weights @ components.means
        return cls(points=(points - centre) @ directions, labels=labels[rows], components=seen,
                   directions=directions).plot(ax)

    def _split(self, place):
        return place.subplots(1, 1, squeeze=False)

    def _draw(self, place, look):
        ax, components = self.axes_[0, 0], self.components
        style.frame(ax)
        windows = np.array([geometry.window(x) for x in self.points.T])
        limits = geometry.limits(components, windows)
        for j in (*range(len(components.means)), -1):
            own = self.points[self.labels == j].T
            if j < 0:
                ax.scatter(*own, s=14, marker="x", color=look.shade(OUTSIDE), linewidths=0.8, zorder=2, rasterized=True)
            else:
                ax.scatter(*own, s=14, marker=style.marker(j), color=look.colour(j), alpha=0.5, linewidths=0, zorder=2,
                           rasterized=True)
        style.ellipses(ax, look, components)
        ax.set(xlim=limits[0], ylim=limits[1])
        ax.set_xlabel(style.wrapped(components.names[0], 70), parse_math=False)
        ax.set_ylabel(style.wrapped(components.names[1], 50), parse_math=False)
        outside = int(((self.points < windows[:, 0]) | (self.points > windows[:, 1])).any(axis=1).sum())
        if outside:
            ax.set_title(f"{plural('sample', outside)} outside of the panel", fontsize="medium", loc="left")
        legend(place, look, components, self._size[1], curves=False)
        style.settle(self.figure_)
        numbers = [str(j) for j in range(len(components.means))]
        style.label_points(ax, look, components.means, numbers, [look.colour(j) for j in range(len(numbers))])


def plane(components):
    """The two directions (d, 2) in which components differ most, and the components seen along them.

    Directions are the eigenvectors v of M v = l S v, where S is the covariance of the mixture, W the mean of the
    covariances S_j of its components, and M the sum of B S^-1 B, B the covariance of the means, and of the mean of
    (S_j - W) S^-1 (S_j - W). Which of them tell components apart, and not only show that one is wider, their
    eigenvalues do not say: it is those in whose plane the components overlap least.
    """
    weights = components.weights
    offsets = components.means - weights @ components.means
    within = np.tensordot(weights, components.matrices, 1)
    whole = within + (weights * offsets.T) @ offsets
    units = np.sqrt(whole.diagonal())
    units[units == 0] = 1
    values, axes = np.linalg.eigh(whole / np.outer(units, units))
    wide = values > values[-1] * len(values) * np.finfo(float).eps  # features may determine each other
    white = axes[:, wide] / np.sqrt(values[wide]) / units[:, None]
    means = offsets @ white
    between = (weights * means.T) @ means
    spreads = white.T @ (components.matrices - within) @ white
    kernel = between @ between + np.tensordot(weights, spreads @ spreads, 1)
    axes = np.linalg.eigh(kernel)[1][:, ::-1]
    seen = components._replace(means=means @ axes, covariances=axes.T @ white.T @ components.matrices @ white @ axes,
                               names=tuple(range(axes.shape[1])))
    pair = seen.separating()
    directions = white @ axes[:, pair]
    correlations = whole @ directions / units[:, None]
    tops = np.argsort(-np.abs(correlations), axis=0, kind="stable")[:NAMED]
    turned = np.sign(correlations[tops[0], range(directions.shape[1])])
    directions, correlations = directions * turned, correlations * turned
    names = []
    for i, top in enumerate(tops.T):
        told = (f"{'+' if correlations[f, i] >= 0 else '−'}\N{NO-BREAK SPACE}{components.names[f]}" for f in top)
        names.append(f"direction {i + 1}: {', '.join(told)}")
    seen = geometry.Components(weights, offsets @ directions, directions.T @ components.matrices @ directions,
                               tuple(names), components.tails, components.background)
    return directions, seen
